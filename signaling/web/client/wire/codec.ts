// Frames to text and back. A frame of the wrong shape throws: the caller closes the connection (4400) rather than guess.

import { events, failure, requests } from './protocol';
import type { AnswerData, EventData, EventType, Failure, RequestData, RequestType } from './protocol';
import { flag, number, object, text } from './shape';

export type ServerEvent = { [T in EventType]: { kind: 'event'; type: T; seq: number; ts: number; data: EventData<T> } }[EventType];
type Frame =
  | { kind: 'answer'; id: string; ok: true; data: unknown }
  | { kind: 'answer'; id: string; ok: false; error: Failure }
  | { kind: 'unknown'; type: string }
  | ServerEvent;

const answerHead = object({ id: text, ok: flag });
const eventHead = object({ seq: number, type: text, ts: number });

export function encodeRequest<T extends RequestType>(id: string, type: T, data: RequestData<T>): string {
  return JSON.stringify({ id, type, data });
}

export function decodeAnswer<T extends RequestType>(type: T, data: unknown): AnswerData<T> {
  return requests[type][1](data ?? {}, 'data') as AnswerData<T>;
}

export function decodeFrame(raw: string): Frame {
  const frame: unknown = JSON.parse(raw);
  if (typeof frame === 'object' && frame !== null && 'id' in frame) return decodeAnswerFrame(frame);
  const { seq, type, ts } = eventHead(frame, '');
  // A newer minor version may tell more than we know.
  if (!Object.hasOwn(events, type)) return { kind: 'unknown', type };
  const known = type as EventType;
  const data = events[known]((frame as { data?: unknown }).data ?? {}, 'data');
  return { kind: 'event', type: known, seq, ts, data } as ServerEvent;
}

function decodeAnswerFrame(frame: object): Frame {
  const { id, ok } = answerHead(frame, '');
  if (ok) return { kind: 'answer', id, ok, data: (frame as { data?: unknown }).data };
  return { kind: 'answer', id, ok, error: failure((frame as { error?: unknown }).error, 'error') };
}

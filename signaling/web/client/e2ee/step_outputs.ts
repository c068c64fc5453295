// What one step of the group machine puts out, and the answers that its requests wait for.

import type { GroupRequest, Input, Output } from './group_messages';
import type { RequestData } from '../wire/protocol';

export type Answer = Extract<Input, { type: 'answer' }>;

// Owned by the group machine, which shares it with its parts.
export class StepOutputs {
  now = 0; // the time of this step
  #outputs: Output[] = [];
  #requests = 0;
  readonly #answers = new Map<number, (answer: Answer) => void>();

  begin(now: number): void {
    this.now = now;
    this.#outputs = [];
  }

  get all(): Output[] {
    return this.#outputs;
  }

  push(output: Output): void {
    this.#outputs.push(output);
  }

  wakeAt(at: number): void {
    this.push({ type: 'wake', at });
  }

  // Returns the request's number. onAnswer is called in the step that takes the answer.
  request<T extends GroupRequest>(name: T, data: RequestData<T>, onAnswer: (answer: Answer) => void): number {
    const request = ++this.#requests;
    this.#answers.set(request, onAnswer);
    this.push({ type: 'request', request, name, data } as Output);
    return request;
  }

  answered(answer: Answer): void {
    const onAnswer = this.#answers.get(answer.request);
    this.#answers.delete(answer.request);
    onAnswer?.(answer);
  }
}

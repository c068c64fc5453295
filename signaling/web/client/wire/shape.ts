// Shapes describe what a frame must hold, once, for the compiler and at run time. A frame comes from outside the
// program: a type assertion would only hide what the server really sent. Unknown fields are ignored, as the protocol asks.

export type Shape<T> = (value: unknown, path: string) => T;
export type Of<S> = S extends Shape<infer T> ? T : never;

type Fields = Record<string, Shape<unknown>>;
type OptionalKeys<F extends Fields> = { [K in keyof F]: undefined extends Of<F[K]> ? K : never }[keyof F];
type Shaped<F extends Fields> = { [K in Exclude<keyof F, OptionalKeys<F>>]: Of<F[K]> } & { [K in OptionalKeys<F>]?: Of<F[K]> };

class ShapeError extends Error {
  override name = 'ShapeError';
}

function refuse(path: string, wanted: string): never {
  throw new ShapeError(`${path || 'frame'} is not ${wanted}`);
}

export const text: Shape<string> = (v, p) => (typeof v === 'string' ? v : refuse(p, 'a string'));
export const number: Shape<number> = (v, p) => (typeof v === 'number' && Number.isFinite(v) ? v : refuse(p, 'a number'));
export const flag: Shape<boolean> = (v, p) => (typeof v === 'boolean' ? v : refuse(p, 'true or false'));

export function oneOf<const T extends string>(...words: T[]): Shape<T> {
  return (v, p) => words.find((word) => word === v) ?? refuse(p, `one of ${words.join(' ')}`);
}

export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (v, p) => (v === undefined || v === null ? undefined : shape(v, p));
}

export function list<T>(shape: Shape<T>): Shape<T[]> {
  return (v, p) => (Array.isArray(v) ? v.map((item, i) => shape(item, `${p}[${i}]`)) : refuse(p, 'a list'));
}

export function either<A, B>(a: Shape<A>, b: Shape<B>): Shape<A | B> {
  return (v, p) => {
    try {
      return a(v, p);
    } catch {
      return b(v, p);
    }
  };
}

export function object<F extends Fields>(fields: F): Shape<Shaped<F>> {
  return (v, p) => {
    if (typeof v !== 'object' || v === null || Array.isArray(v)) refuse(p, 'an object');
    const source = v as Record<string, unknown>;
    const out: Record<string, unknown> = {};
    for (const [name, shape] of Object.entries(fields)) {
      const value = shape(Object.hasOwn(source, name) ? source[name] : undefined, p ? `${p}.${name}` : name);
      if (value !== undefined) out[name] = value;
    }
    return out as Shaped<F>;
  };
}

/** Makes a value at its first use and keeps it. Schemas are made so: at the top level they would be in every bundle. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Sets the fields that have a value, so that the others are absent, or stay as they are, instead of `undefined`. */
export function assignDefined<T extends object>(target: T, fields: object): T {
  const given = fields as Record<string, unknown>;
  // On the way of every reply, which Object.entries would make a fifth slower to read.
  for (const name of Object.keys(given)) {
    const value = given[name];
    if (value !== undefined) (target as Record<string, unknown>)[name] = value;
  }
  return target;
}

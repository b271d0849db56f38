/** Whether a relay and its clients take this as the public id of a task: 1 to 128 characters, not all blank. */
export function isPublicId(id: unknown): boolean {
  return typeof id === 'string' && /^(?=.*\S)[^\p{Cc}\p{Surrogate}]{1,128}$/u.test(id);
}

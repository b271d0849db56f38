/** The name of the first pattern that matches the text. */
export function firstMatch<Name extends string>(
  patterns: Readonly<Record<Name, RegExp>>,
  text: string,
): Name | undefined {
  return (Object.keys(patterns) as Name[]).find((name) => patterns[name].test(text));
}

/** The text, or as much of its beginning as fits into `maxLength` UTF-16 code units together with an ellipsis. */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // Half of a character that takes two units would be no text that UTF-8 can say.
  const kept = text.slice(0, maxLength - 1).replace(/[\uD800-\uDBFF]$/, '');
  return `${kept}…`;
}

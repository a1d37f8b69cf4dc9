/** Text of others on one line of a terminal, which it can neither steer nor turn around; such characters are escaped. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, encodeURIComponent);
}

// The code that a program shows: eight letters without vowels, in two halves. People type it as they like. Pure.
const LETTERS = 8;

export function formCode(text: string): string {
	const letters = text.toUpperCase().replace(/[^A-Z]/g, '').slice(0, LETTERS);
	return letters.length > LETTERS / 2 ? `${letters.slice(0, LETTERS / 2)}-${letters.slice(LETTERS / 2)}` : letters;
}
export const wholeCode = (code: string): boolean => code.replace('-', '').length === LETTERS;

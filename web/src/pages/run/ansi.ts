// Text with terminal colors, as pieces with classes. Pure. What moves the cursor or sets titles is left out: a log is read, not played.

export interface Piece {
	text: string;
	class: string; // "" for plain text
	color?: string; // a color of its own (256 and true color), as CSS
	back?: string;
}

interface Pen {
	fg: string; // "1", "9", "#rrggbb" or ""
	bg: string;
	bold: boolean;
	dim: boolean;
	italic: boolean;
	under: boolean;
	strike: boolean;
	inverse: boolean;
}
const fresh = (): Pen => ({ fg: '', bg: '', bold: false, dim: false, italic: false, under: false, strike: false, inverse: false });

// CSI ... final, OSC ... BEL or ST, other two-byte escapes; and control characters that no font draws.
// eslint-disable-next-line no-control-regex
const ESCAPE = /\u001b(?:\[([0-9;:?<=>!]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])|[\u0000-\u0008\u000b-\u001f\u007f]/g;

// A bar that drew itself again and again by carriage returns: what it ended as.
export function lastDrawn(text: string): string {
	if (!text.includes('\r')) return text;
	const parts = text.replace(/\r+$/, '').split('\r');
	return parts[parts.length - 1] as string;
}

export function plain(text: string): string {
	return text.includes('\u001b') || /[\u0000-\u0008\u000b-\u001f\u007f]/.test(text) ? lastDrawn(text).replace(ESCAPE, '') : text;
}

function color256(n: number): string {
	if (n < 16) return String(n);
	const hex = (v: number) => v.toString(16).padStart(2, '0');
	if (n >= 232) return `#${hex(8 + (n - 232) * 10).repeat(3)}`;
	const level = (v: number) => (v ? 55 + v * 40 : 0);
	const at = n - 16;
	return `#${hex(level(Math.floor(at / 36)))}${hex(level(Math.floor(at / 6) % 6))}${hex(level(at % 6))}`;
}

// "38;5;n", "38;2;r;g;b" and their forms with colons. Returns how many parameters were used.
function extended(codes: number[], at: number, set: (color: string) => void): number {
	if (codes[at + 1] === 5) {
		const n = codes[at + 2];
		if (n !== undefined && n <= 255) set(color256(n));
		return 2;
	}
	if (codes[at + 1] === 2) {
		const [r, g, b] = codes.slice(at + 2, at + 5);
		if (r !== undefined && g !== undefined && b !== undefined && r <= 255 && g <= 255 && b <= 255) set(`#${[r, g, b].map((v) => v.toString(16).padStart(2, '0')).join('')}`);
		return 4;
	}
	return 0;
}

function apply(pen: Pen, params: string): void {
	const codes = params.replaceAll(':', ';').split(';').map((p) => (p === '' ? 0 : Number(p)));
	for (let i = 0; i < codes.length; i++) {
		const code = codes[i] as number;
		if (code === 0) Object.assign(pen, fresh());
		else if (code === 1) pen.bold = true;
		else if (code === 2) pen.dim = true;
		else if (code === 3) pen.italic = true;
		else if (code === 4) pen.under = true;
		else if (code === 7) pen.inverse = true;
		else if (code === 9) pen.strike = true;
		else if (code === 22) pen.bold = pen.dim = false;
		else if (code === 23) pen.italic = false;
		else if (code === 24) pen.under = false;
		else if (code === 27) pen.inverse = false;
		else if (code === 29) pen.strike = false;
		else if (code >= 30 && code <= 37) pen.fg = String(code - 30);
		else if (code >= 90 && code <= 97) pen.fg = String(code - 90 + 8);
		else if (code >= 40 && code <= 47) pen.bg = String(code - 40);
		else if (code >= 100 && code <= 107) pen.bg = String(code - 100 + 8);
		else if (code === 38) i += extended(codes, i, (c) => (pen.fg = c));
		else if (code === 48) i += extended(codes, i, (c) => (pen.bg = c));
		else if (code === 39) pen.fg = '';
		else if (code === 49) pen.bg = '';
	}
}

function pieceOf(text: string, pen: Pen): Piece {
	const names: string[] = [];
	const fg = pen.inverse ? pen.bg : pen.fg;
	const bg = pen.inverse ? pen.fg : pen.bg;
	const piece: Piece = { text, class: '' };
	if (fg.startsWith('#')) piece.color = fg;
	else if (fg) names.push(`fg${fg}`);
	if (bg.startsWith('#')) piece.back = bg;
	else if (bg) names.push(`bg${bg}`);
	else if (pen.inverse) names.push('inv');
	if (pen.bold) names.push('b');
	if (pen.dim) names.push('d');
	if (pen.italic) names.push('i');
	if (pen.under) names.push('u');
	if (pen.strike) names.push('s');
	piece.class = names.join(' ');
	return piece;
}

// One line. Colors end with it: most programs end theirs, and a log is read from anywhere.
export function pieces(line: string): Piece[] {
	const text = lastDrawn(line);
	if (!text.includes('\u001b') && plain(text) === text) return text ? [{ text, class: '' }] : [];
	const out: Piece[] = [];
	const pen = fresh();
	let at = 0;
	const push = (to: number) => {
		if (to > at) out.push(pieceOf(text.slice(at, to), pen));
	};
	ESCAPE.lastIndex = 0;
	for (let found; (found = ESCAPE.exec(text)); ) {
		push(found.index);
		at = found.index + found[0].length;
		if (found[2] === 'm') apply(pen, found[1] ?? '');
	}
	push(text.length);
	return out;
}

// Lines of a unified diff with their numbers on both sides. Pure.
export interface PatchLine {
	kind: 'add' | 'del' | 'same' | 'hunk' | 'file';
	text: string;
	old?: number;
	now?: number;
}

// A hunk ends when the lines that its head announces have come: a removed line may itself begin with "--".
export function parsePatch(text: string): PatchLine[] {
	const lines: PatchLine[] = [];
	let old = 0;
	let now = 0;
	let oldLeft = 0;
	let nowLeft = 0;
	for (const line of text.replace(/\n$/, '').split('\n')) {
		const hunk = oldLeft > 0 || nowLeft > 0 ? null : /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/.exec(line);
		if (hunk) {
			old = Number(hunk[1]);
			now = Number(hunk[3]);
			oldLeft = Number(hunk[2] ?? 1);
			nowLeft = Number(hunk[4] ?? 1);
			lines.push({ kind: 'hunk', text: hunk[5] ? `line ${now}: ${hunk[5]}` : `line ${now}` });
		} else if (line.startsWith('\\')) {
			lines.push({ kind: 'file', text: line.slice(2) });
		} else if (oldLeft <= 0 && nowLeft <= 0) {
			if (line) lines.push({ kind: 'file', text: line });
		} else if (line.startsWith('+')) {
			lines.push({ kind: 'add', text: line.slice(1), now: now++ });
			nowLeft--;
		} else if (line.startsWith('-')) {
			lines.push({ kind: 'del', text: line.slice(1), old: old++ });
			oldLeft--;
		} else {
			lines.push({ kind: 'same', text: line.slice(1), old: old++, now: now++ });
			oldLeft--;
			nowLeft--;
		}
	}
	return lines;
}

export function countPatch(text: string): { added: number; removed: number } {
	const lines = parsePatch(text);
	return { added: lines.filter((l) => l.kind === 'add').length, removed: lines.filter((l) => l.kind === 'del').length };
}

// Finding by a few letters. Pure: each word of the text must stand in the name; beginnings of words count more, earlier ones too.
export function score(name: string, text: string): number {
	const lower = name.toLowerCase();
	let sum = 0;
	for (const word of text.toLowerCase().split(/\s+/).filter(Boolean)) {
		const at = lower.indexOf(word);
		if (at < 0) return -Infinity;
		const begins = at === 0 || !/[a-z0-9]/.test(lower[at - 1] as string);
		sum += (begins ? 100 : 40) - Math.min(at, 39);
	}
	return sum - Math.min(lower.length, 200) / 20; // of two that fit as well, the shorter is meant
}
export function rank<T>(all: T[], text: string, nameOf: (one: T) => string): T[] {
	if (!text.trim()) return all;
	return all
		.map((one, i) => ({ one, i, points: score(nameOf(one), text) }))
		.filter((x) => x.points > -Infinity)
		.sort((a, b) => b.points - a.points || a.i - b.i)
		.map((x) => x.one);
}

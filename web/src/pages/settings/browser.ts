// What a browser calls itself, in a word that people know. Pure.
// "Mozilla/5.0 (X11; Linux x86_64) ... Firefox/128.0": Firefox 128, Linux
export function browserOf(agent: string | undefined): string {
	if (!agent) return 'unknown';
	const known = [['Edg', 'Edge'], ['OPR', 'Opera'], ['Firefox', 'Firefox'], ['HeadlessChrome', 'Chrome'], ['Chrome', 'Chrome'], ['Version', 'Safari']] as const;
	const found = known.map(([word, name]) => ({ name, version: new RegExp(`${word}/(\\d+)`).exec(agent)?.[1] })).find((x) => x.version);
	const system = ['Windows', 'Android', 'iPhone', 'iPad', 'Mac OS X', 'Linux'].find((s) => agent.includes(s));
	return [found ? `${found.name} ${found.version}` : agent.slice(0, 40), system].filter(Boolean).join(', ');
}

// The Markdown that runbooks and post-mortems are written in, as a tree. Pure; what it does not know stays text. It never makes markup out of
// text, so nothing that stands in a repository can become part of the page.
export type Inline = { kind: 'text' | 'code' | 'strong' | 'em'; text: string } | { kind: 'link'; text: string; href: string };
export type Block =
	| { kind: 'heading'; level: number; inlines: Inline[] }
	| { kind: 'para'; inlines: Inline[] }
	| { kind: 'list'; ordered: boolean; items: Inline[][] }
	| { kind: 'code'; text: string }
	| { kind: 'quote'; inlines: Inline[] }
	| { kind: 'table'; head: Inline[][]; rows: Inline[][][] };

const unescape = (text: string): string => text.replace(/\\([\\`*_{}[\]<>#|!&~])/g, '$1');

export function parseInline(text: string): Inline[] {
	const out: Inline[] = [];
	const pattern = /(`+)([^`]|[^`].*?[^`])\1(?!`)|\*\*((?:[^*\\]|\\.)+)\*\*|(?<![\w\\])[*_]((?:[^*_\\]|\\.)+)[*_](?!\w)|\[((?:[^\]\\]|\\.)*)\]\(([^\s)]+)\)/g;
	let at = 0;
	const plain = (part: string) => part && out.push({ kind: 'text', text: unescape(part) });
	for (const m of text.matchAll(pattern)) {
		if (m.index > 0 && text[m.index - 1] === '\\') continue;
		plain(text.slice(at, m.index));
		at = m.index + m[0].length;
		if (m[2] !== undefined) out.push({ kind: 'code', text: m[2] });
		else if (m[3] !== undefined) out.push({ kind: 'strong', text: unescape(m[3]) });
		else if (m[4] !== undefined) out.push({ kind: 'em', text: unescape(m[4]) });
		else if (/^https?:\/\//.test(m[6] ?? '')) out.push({ kind: 'link', text: unescape(m[5] ?? ''), href: m[6] as string });
		else out.push({ kind: 'text', text: unescape(m[5] ?? '') });
	}
	plain(text.slice(at));
	return out;
}

// "| a | b \| c |": two cells.
function cells(line: string): string[] {
	const found = line.trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '');
	return found.split(/(?<!\\)\|/).map((c) => c.trim());
}

const LIST = /^\s{0,3}(?:([-*+])|(\d{1,4})[.)])\s+(.*)$/;

export function parseMarkdown(text: string): Block[] {
	const blocks: Block[] = [];
	const lines = text.replace(/\r\n?/g, '\n').split('\n');
	let para: string[] = [];
	const flush = () => {
		if (para.length) blocks.push({ kind: 'para', inlines: parseInline(para.join(' ')) });
		para = [];
	};
	for (let i = 0; i < lines.length; i++) {
		const line = lines[i] as string;
		const fence = /^\s{0,3}(```+|~~~+)/.exec(line);
		const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
		const list = LIST.exec(line);
		if (fence) {
			flush();
			const code: string[] = [];
			while (++i < lines.length && !(lines[i] as string).trimStart().startsWith(fence[1] as string)) code.push(lines[i] as string);
			blocks.push({ kind: 'code', text: code.join('\n') });
		} else if (heading) {
			flush();
			blocks.push({ kind: 'heading', level: (heading[1] as string).length, inlines: parseInline(heading[2] as string) });
		} else if (line.trimStart().startsWith('|') && /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(lines[i + 1] ?? '')) {
			flush();
			const head = cells(line).map(parseInline);
			const rows: Inline[][][] = [];
			i++;
			while (i + 1 < lines.length && (lines[i + 1] as string).trimStart().startsWith('|')) rows.push(cells(lines[++i] as string).map(parseInline));
			blocks.push({ kind: 'table', head, rows });
		} else if (list && (para.length === 0 || list[1] || list[2] === '1')) {
			flush();
			const ordered = list[2] !== undefined;
			const items: string[] = [list[3] as string];
			while (i + 1 < lines.length) {
				const next = lines[i + 1] as string;
				const more = LIST.exec(next);
				if (more && (more[2] !== undefined) === ordered) items.push(more[3] as string);
				else if (!more && /^\s+\S/.test(next)) items[items.length - 1] += ` ${next.trim()}`;
				else break;
				i++;
			}
			blocks.push({ kind: 'list', ordered, items: items.map(parseInline) });
		} else if (/^\s{0,3}>/.test(line)) {
			flush();
			const quote = [line.replace(/^\s{0,3}> ?/, '')];
			while (i + 1 < lines.length && /^\s{0,3}>/.test(lines[i + 1] as string)) quote.push((lines[++i] as string).replace(/^\s{0,3}> ?/, ''));
			blocks.push({ kind: 'quote', inlines: parseInline(quote.join(' ')) });
		} else if (!line.trim()) flush();
		else para.push(line.trim());
	}
	flush();
	return blocks;
}

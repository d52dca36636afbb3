import type { ComponentChildren } from 'preact';
import { parseMarkdown, type Inline } from './markdown_parse';

const inlines = (list: Inline[]): ComponentChildren =>
	list.map((x, i) => {
		if (x.kind === 'code') return <code key={i}>{x.text}</code>;
		if (x.kind === 'strong') return <strong key={i}>{x.text}</strong>;
		if (x.kind === 'em') return <em key={i}>{x.text}</em>;
		if (x.kind === 'link') return <a key={i} href={x.href} target="_blank" rel="noopener noreferrer">{x.text}</a>;
		return x.text;
	});

// Headings begin two levels down: the page has its own first ones.
export function Markdown({ text }: { text: string }) {
	return (
		<div class="md">
			{parseMarkdown(text).map((b, i) => {
				switch (b.kind) {
					case 'heading': {
						const H = `h${Math.min(6, b.level + 2)}` as 'h3';
						return <H key={i} class={`md-h${b.level}`}>{inlines(b.inlines)}</H>;
					}
					case 'list': {
						const L = b.ordered ? 'ol' : 'ul';
						return <L key={i}>{b.items.map((item, k) => <li key={k}>{inlines(item)}</li>)}</L>;
					}
					case 'code':
						return <pre key={i} tabIndex={0}>{b.text}</pre>;
					case 'quote':
						return <blockquote key={i}>{inlines(b.inlines)}</blockquote>;
					case 'table':
						return (
							<div key={i} class="table-wrap" tabIndex={0} role="region" aria-label={`Table, part ${i + 1}`}>
								<table>
									{b.head.some((c) => c.length) && <thead><tr>{b.head.map((c, k) => <th key={k} scope="col">{inlines(c)}</th>)}</tr></thead>}
									<tbody>{b.rows.map((r, k) => <tr key={k}>{r.map((c, n) => <td key={n}>{inlines(c)}</td>)}</tr>)}</tbody>
								</table>
							</div>
						);
					default:
						return <p key={i}>{inlines(b.inlines)}</p>;
				}
			})}
		</div>
	);
}

// A unified diff, line by line. Added and removed are said by a sign and a word for who cannot see the color.
import { parsePatch } from './patch_parse';

export function Patch({ text, label }: { text: string; label: string }) {
	const lines = parsePatch(text);
	return (
		<div class="patch" tabIndex={0} role="region" aria-label={label}>
			<table>
				<tbody>
					{lines.map((l, i) => (
						<tr key={i} class={`patch-${l.kind}`}>
							<td class="patch-n" aria-hidden="true">{l.old ?? ''}</td>
							<td class="patch-n" aria-hidden="true">{l.now ?? ''}</td>
							<td class="patch-sign">{l.kind === 'add' ? '+' : l.kind === 'del' ? '\u2212' : ''}</td>
							<td class="patch-text">{l.text || ' '}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

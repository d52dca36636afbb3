// Findings and problem lines by file, and coverage.
import type { Annotation } from '../../api/types';
import { Empty, Table } from '../../ui/basics';
import { count, percent, plural } from '../../ui/format';
import { StateIcon } from '../../ui/state';
import { byFile } from './findings';

const levelState = { error: 'failed', warning: 'flaky', notice: 'unaffected' } as const;
const nameOf = (job: string): string => job.split('/').slice(2).join('/');

export function Findings({ list }: { list: { job?: string; annotation: Annotation }[] }) {
	if (!list.length) return <Empty icon="shield" title="Nothing was found">Compilers, linters and scanners are heard when penstock.yml names what they write: reports: {'{sarif: out/lint.sarif}'} or {'{problems: gcc}'}.</Empty>;
	return (
		<div class="stack">
			{[...byFile(list)].map(([path, all]) => (
				<section key={path} class="finding-file">
					<h3><code>{path}</code><span class="muted">{plural(all.length, 'finding')}</span></h3>
					<ul>
						{all.map(({ jobs, annotation: a }, i) => (
							<li key={i}>
								<StateIcon state={levelState[a.level ?? 'notice']} label={false} />
								<span class="finding-level">{a.level ?? 'notice'}</span>
								<span class="num muted">{a.line ? `${a.line}${a.column ? `:${a.column}` : ''}` : ''}</span>
								<span class="finding-text">{a.message}<span class="muted"> {[a.source, a.rule].filter(Boolean).join(' ')}</span></span>
								{jobs[0] && <a class="chip finding-job" href={`?job=${encodeURIComponent(jobs[0])}&tab=log`} title={jobs.map(nameOf).join('\n')}><span class="cut">{nameOf(jobs[0])}</span>{jobs.length > 1 && ` and ${plural(jobs.length - 1, 'more job')}`}</a>}
							</li>
						))}
					</ul>
				</section>
			))}
		</div>
	);
}

export interface Covered {
	lines: number;
	covered: number;
	base?: number | undefined; // the share before
}
export function CoverageSum({ of }: { of: Covered }) {
	const share = of.lines ? of.covered / of.lines : 0;
	const change = of.base === undefined ? undefined : share - of.base;
	return (
		<div class="coverage-sum">
			<strong class="coverage-share">{percent(share)}</strong>
			<span class="muted">of {count(of.lines)} lines covered</span>
			{change !== undefined && (
				<span class={`badge tone-${change < -0.0005 ? 'bad' : change > 0.0005 ? 'ok' : 'idle'}`}>
					{change >= 0 ? '+' : '\u2212'}{(Math.abs(change) * 100).toFixed(1)} points against the base
				</span>
			)}
			<span class="meter coverage-meter" role="img" aria-label={`${percent(share)} covered`}><span class="tone-ok" style={{ flexGrow: share }} /><span class="tone-idle" style={{ flexGrow: 1 - share }} /></span>
		</div>
	);
}

export function CoverageFiles({ files }: { files: { path: string; lines?: number; covered?: number }[] }) {
	const rows = [...files].map((f) => ({ path: f.path, lines: f.lines ?? 0, covered: f.covered ?? 0 })).sort((a, b) => b.lines - b.covered - (a.lines - a.covered)).slice(0, 500);
	return (
		<Table
			caption="Coverage by file, most uncovered lines first" rows={rows} keyOf={(f) => f.path}
			columns={[
				{ name: 'File', wide: true, cell: (f) => <code class="cut block" title={f.path}>{f.path}</code> },
				{ name: 'Not covered', number: true, cell: (f) => count(f.lines - f.covered) },
				{ name: 'Lines', number: true, minor: true, cell: (f) => count(f.lines) },
				{ name: 'Share', number: true, cell: (f) => percent(f.lines ? f.covered / f.lines : 0) },
			]}
		/>
	);
}

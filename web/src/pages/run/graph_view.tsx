import { useMemo } from 'preact/hooks';
import type { Job, Run } from '../../api/types';
import { cx } from '../../ui/basics';
import { duration, plural, serverNow } from '../../ui/format';
import { lookOf, StateIcon } from '../../ui/state';
import { jobName, stageName } from '../way/model';
import { layout, type Node } from './graph';
import { criticalPath } from './waterfall';

const px = (n: number) => `${n}px`;
const W = 172;
const H = 34;
const GAP_X = 52;
const GAP_Y = 10;

export function GraphView({ run, jobs, chosen, onChoose }: { run: Run; jobs: Job[]; chosen: string | undefined; onChoose: (job: Job) => void }) {
	// What the change does not touch would hide what it does.
	const touched = useMemo(() => jobs.filter((j) => j.state !== 'unaffected'), [jobs]);
	const left = touched.length ? jobs.length - touched.length : 0;
	const graph = useMemo(() => layout(left ? touched : jobs), [jobs, touched]);
	const critical = useMemo(() => (run.critical?.length ? new Set(run.critical) : criticalPath(jobs.filter((j) => j.stage === 'ci'), serverNow())), [run.critical, jobs]);
	const x = (n: { x: number }) => n.x * (W + GAP_X);
	const y = (n: { y: number }) => n.y * (H + GAP_Y);
	const width = graph.columns * (W + GAP_X) - GAP_X;
	const height = graph.rows * (H + GAP_Y) - GAP_Y;
	return (
		<div class="jobs-graph" tabIndex={0} role="region" aria-label="Jobs and what they need">
			<div class="graph" style={{ width: px(width), height: px(height) }}>
				{graph.stages.length > 1 && graph.stages.map((s) => <span key={s.stage} class="graph-stage" style={{ left: px(x(s)) }}>{stageName[s.stage]}</span>)}
				<svg width={width} height={height} aria-hidden="true">
					{graph.edges.map(({ from, to }) => {
						const hot = critical.has(from.job.id) && critical.has(to.job.id);
						const x1 = x(from) + W;
						const y1 = y(from) + H / 2;
						const x2 = x(to);
						const y2 = y(to) + H / 2;
						const bend = Math.max(20, (x2 - x1) / 2);
						return <path key={`${from.job.id} ${to.job.id}`} class={cx('edge', hot && 'edge-critical')} d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />;
					})}
					{graph.bundles.map((b) => {
						const kx = x(b) - GAP_X / 2;
						const ky = y(b) + H / 2;
						const curve = (x1: number, y1: number, x2: number, y2: number) => {
							const bend = (x2 - x1) / 2;
							return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
						};
						const hot = (n: Node) => critical.has(n.job.id) && [b.from, b.to].every((side) => side.some((m) => critical.has(m.job.id)));
						return [
							...b.from.map((n) => <path key={`${n.job.id} ${kx} ${ky}`} class={cx('edge', hot(n) && 'edge-critical')} d={curve(x(n) + W, y(n) + H / 2, kx, ky)} />),
							...b.to.map((n) => <path key={`${kx} ${ky} ${n.job.id}`} class={cx('edge', hot(n) && 'edge-critical')} d={curve(kx, ky, x(n), y(n) + H / 2)} />),
						];
					})}
				</svg>
				{graph.nodes.map((node) => (
					<button
						key={node.job.id} type="button" class={cx('node', `tone-${lookOf(node.job.state).tone}`, critical.has(node.job.id) && 'critical', node.job.id === chosen && 'chosen')}
						style={{ left: px(x(node)), top: px(y(node)), width: px(W), height: px(H) }} aria-pressed={node.job.id === chosen} title={`${jobName(node.job)}: ${lookOf(node.job.state).text}`} onClick={() => onChoose(node.job)}
					>
						<StateIcon state={node.job.state} />
						<span class="cut">{jobName(node.job)}</span>
						{node.job.started_at && <span class="node-took num">{duration((node.job.ended_at ?? serverNow()) - node.job.started_at)}</span>}
					</button>
				))}
			</div>
			{left > 0 && <p class="graph-left muted">{plural(left, 'job')} not drawn: the change does not touch what they work on.</p>}
		</div>
	);
}

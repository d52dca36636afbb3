// Why a job ran, waits or failed, and how to look closer from a terminal.
import { useQuery } from '../../api/hooks';
import { idPath } from '../../api/client';
import type { Job, JobKey } from '../../api/types';
import { Command, Copy, Digest, Failure, Skeleton } from '../../ui/basics';
import { bytes, duration } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { StateBadge, StateIcon } from '../../ui/state';
import { Ago, Took } from '../../ui/time';
import { jobName } from '../way/model';
import { HistoryLine } from './tests_view';

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
	return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

export function Why({ job, jobs, onChoose }: { job: Job; jobs: Job[]; onChoose: (job: Job) => void }) {
	const needs = (job.needs ?? []).map((id) => jobs.find((j) => j.id === id) ?? id);
	const behind = jobs.filter((j) => j.needs?.includes(job.id));
	const link = (j: Job | string) =>
		typeof j === 'string' ? <span key={j} class="chip">{j}</span> : <button key={j.id} type="button" class="chip chip-button" onClick={() => onChoose(j)}><StateIcon state={j.state} size={13} />{jobName(j)}</button>;
	return (
		<div class="stack">
			<dl class="fact-list">
				<Fact name="State"><StateBadge state={job.state} />{job.amber && <span class="muted"> it may fail without failing the run</span>}</Fact>
				{job.why && <Fact name={job.state === 'cached' || job.state === 'unaffected' ? 'Why it did not run' : 'Why it ran'}>{job.why}</Fact>}
				{job.error && <Fact name="Error">{job.error}</Fact>}
				{job.failure && <Fact name="Kind of failure">{job.failure}{job.exit !== undefined ? `, exit code ${job.exit}` : ''}</Fact>}
				{needs.length > 0 && <Fact name="Needs"><span class="chips">{needs.map(link)}</span></Fact>}
				{behind.length > 0 && <Fact name="Needed by"><span class="chips">{behind.map(link)}</span></Fact>}
				{job.matrix?.length ? <Fact name="Matrix">{job.matrix.map((p) => `${p.key}=${p.value ?? ''}`).join(' ')}</Fact> : null}
				{job.shards ? <Fact name="Shard">{job.shard} of {job.shards}</Fact> : null}
				{job.ready_at && <Fact name="Waited"><Took from={job.ready_at} to={job.started_at ?? job.ended_at} /></Fact>}
				{job.started_at && <Fact name="Started"><Ago at={job.started_at} /></Fact>}
				{job.started_at && <Fact name="Took"><Took from={job.started_at} to={job.ended_at} /></Fact>}
				{job.attempt && <Fact name="Attempt">{job.attempt}{job.retries ? `, ${job.retries} of them after a failure that is tried again` : ''}{job.losses ? `, ${job.losses} after a machine was lost` : ''}{job.resumed ? ', resumed in its kept workspace' : ''}</Fact>}
				{job.agent && <Fact name="Ran on">{job.agent}{job.cpu ? `, ${job.cpu / 1000} CPU` : ''}{job.memory ? `, ${bytes(job.memory)}` : ''}</Fact>}
				{job.group && <Fact name="Concurrency group">{job.group}</Fact>}
				{job.image && <Fact name="Image"><Digest value={job.image} /></Fact>}
				{job.evidence && <Fact name="Evidence"><Digest value={job.evidence} label="Copy the digest of the signed statement" /></Fact>}
				<Fact name="History"><HistoryLine unit={job.unit} name={job.name} /></Fact>
			</dl>
			<div class="commands">
				<h3 class="label">In a terminal</h3>
				<Command text={`penstock why ${job.id}`} />
				<Command text={`penstock logs ${job.id}`} />
				{(job.state === 'failed' || job.state === 'flaky') && <Command text={`penstock shell ${job.id}`} />}
			</div>
		</div>
	);
}

export function KeyView({ job }: { job: Job }) {
	const { data, problem } = useQuery<JobKey>(`/jobs/${idPath(job.id)}/key`);
	if (problem && !data) return <Failure problem={problem} />;
	if (!data) return <Skeleton lines={6} />;
	return (
		<div class="stack">
			<p class="muted">The job's result is kept under this key. Nothing else can change it: the same lines, the same result.</p>
			<div class="facts">
				<span><Icon name="cached" size={14} /><code class="wrap">{data.key}</code><Copy text={data.key} label="Copy the key" /></span>
			</div>
			{!data.same && <div class="notice tone-wait"><Icon name="flaky" /><div>Planned now, it would have another key (<code class="wrap">{data.key_now}</code>): this machine provides something else than when the run was planned.</div></div>}
			<div class="key-box" tabIndex={0} role="region" aria-label="The lines that the key is made of">
				<table class="key-lines">
					<caption class="offscreen">The lines that the key is made of</caption>
					<tbody>
						{data.lines.map((line, i) => {
							const cut = line.indexOf(' ');
							return <tr key={i}><th scope="row">{cut < 0 ? line : line.slice(0, cut)}</th><td><code>{cut < 0 ? '' : line.slice(cut + 1)}</code></td></tr>;
						})}
					</tbody>
				</table>
			</div>
			<p class="muted">Took {job.started_at && job.ended_at ? duration(job.ended_at - job.started_at) : 'no time'} to make.</p>
		</div>
	);
}

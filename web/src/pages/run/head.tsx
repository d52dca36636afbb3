// The top of a run: the change, how it goes, and what can be done.
import { useState } from 'preact/hooks';
import { read, write } from '../../api/client';
import { useMe, whyNot } from '../../api/me';
import type { Job, Run, RunReport } from '../../api/types';
import { currentPlace, go } from '../../router';
import { hasPage } from '../../routes';
import { Button, copyText, Digest } from '../../ui/basics';
import { Confirm, type Ask } from '../../ui/dialog';
import { count, duration, percent, person, plural, serverNow, shortRef } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Menu } from '../../ui/menu';
import { StateBadge } from '../../ui/state';
import { Ago, Took } from '../../ui/time';
import { toast } from '../../ui/toast';
import { useTick } from '../../api/hooks';

const over = (run: Run) => run.state !== 'planned' && run.state !== 'running';
const kindWord: Record<string, string> = { pull_request: 'pull request', merge_queue: 'merge queue', tag: 'tag', schedule: 'by the clock', person: 'by a person' };

function Stat({ name, children }: { name: string; children: preact.ComponentChildren }) {
	return <div class="stat"><dt>{name}</dt><dd>{children}</dd></div>;
}

// How long it runs against how long it was expected to, and may.
function Clock({ run }: { run: Run }) {
	const open = !over(run);
	useTick(open ? 500 : null);
	if (!run.created_at) return null;
	const took = (run.ended_at ?? serverNow()) - run.created_at;
	const full = Math.max(took, run.predicted ?? 0) || 1;
	const late = run.predicted && took > run.predicted * 1.2;
	return (
		<Stat name={open ? 'Elapsed' : 'Took'}>
			<Took from={run.created_at} to={run.ended_at} />
			{run.predicted ? <span class="muted">of {duration(run.predicted)} predicted</span> : null}
			{run.predicted ? (
				<span class={`progress tone-${late ? 'wait' : 'run'}`} role="img" aria-label={`${duration(took)} of ${duration(run.predicted)} predicted`}>
					<span style={{ width: `${Math.min(100, (took / full) * 100)}%` }} />
					{took > run.predicted && <i style={{ left: `${(run.predicted / full) * 100}%` }} />}
				</span>
			) : null}
			{run.budget && took > run.budget ? <span class="badge tone-wait"><Icon name="flaky" size={13} />over the budget of {duration(run.budget)}</span> : null}
		</Stat>
	);
}

// To the run that a rerun became, when the daemon needs longer than its answer waits to read the commit again; who went elsewhere meanwhile stays there.
async function followRerun(run: Run): Promise<void> {
	const here = currentPlace().path;
	const number = (id: string) => Number(id.slice(id.lastIndexOf('-') + 1));
	for (let tries = 0; tries < 40 && currentPlace().path === here; tries++) {
		const list = (await read<{ runs: Run[] }>('/runs?limit=20').catch(() => undefined))?.data?.runs ?? [];
		const next = list.find((r) => number(r.id) > number(run.id) && r.change?.commit === run.change?.commit);
		if (next && currentPlace().path === here) return go(`/runs/${next.id}`);
		await new Promise((wake) => setTimeout(wake, 400));
	}
}

export function RunHead({ run, jobs, report }: { run: Run; jobs: Job[]; report: RunReport | undefined }) {
	const me = useMe();
	const [ask, setAsk] = useState<Omit<Ask, 'onClose'> | null>(null);
	const change = run.change ?? {};
	const may = whyNot(me, 'developer');
	const act = (path: string, done: string, body: (comment: string) => unknown) => async (comment: string) => {
		await write('POST', `/runs/${run.id}/${path}`, body(comment));
		toast(done);
	};
	const rerun = () =>
		setAsk({
			title: 'Run again what did not pass', yes: 'Run again', comment: 'Why (kept in the journal)',
			text: 'A new run of the same commit begins. Jobs that passed keep their results; those that failed, were cancelled or were not reached run again.',
			act: async (reason) => {
				const here = currentPlace().path;
				const done = await write<{ run?: string }>('POST', `/runs/${run.id}/rerun`, { reason });
				toast(done.run ? `It runs again as ${done.run}` : 'It runs again');
				if (!done.run) void followRerun(run);
				else if (currentPlace().path === here) go(`/runs/${done.run}`);
			},
		});
	const cancel = () =>
		setAsk({ title: `Cancel ${run.id}`, text: 'Jobs that run are ended, those that wait do not begin. No release comes of it.', yes: 'Cancel the run', danger: true, comment: 'Why (kept in the journal)', act: act('abort', `${run.id} is cancelled`, (reason) => ({ reason })) });
	const decide = (ok: boolean) =>
		setAsk({
			title: ok ? 'Let this change run' : 'Do not run this change', yes: ok ? 'Let it run' : 'Refuse', danger: !ok, comment: 'Comment (kept in the journal)', needsComment: !ok,
			text: ok ? 'It comes from somebody who may not write to the repository. Its jobs get no secrets and no trusted cache, but they run code on your machines: look at the change first.' : 'Its author sees your comment.',
			act: act('approve', ok ? `${run.id} may run` : `${run.id} was refused`, (comment) => ({ ok, comment })),
		});
	const canRerun = over(run) && run.state !== 'passed' && run.state !== 'superseded';
	const ci = jobs.filter((j) => j.stage === 'ci');
	const touched = ci.filter((j) => j.state !== 'unaffected');
	const done = touched.filter((j) => j.settled || j.ended_at || ['cached', 'skipped'].includes(j.state)).length;
	const all = ci.length ? touched.length : Math.max(0, (run.jobs ?? 0) - (run.unaffected ?? 0));
	return (
		<>
			<header class="page-head run-head">
				<div>
					<p class="crumbs"><a href="/runs">Runs</a><Icon name="right" size={12} /><span>{run.id}</span></p>
					<h1>{change.subject ?? run.id}</h1>
					<div class="facts">
						<StateBadge state={run.waits ? 'manual' : run.state} {...(run.waits ? { text: 'waits for approval' } : {})} />
						{change.author && <span title={change.email}><Icon name="person" size={14} />{person(change.author)}</span>}
						{change.ref && <span><Icon name="branch" size={14} />{change.number ? `#${change.number} onto ${shortRef(change.target ?? '')}` : shortRef(change.ref)}</span>}
						{change.commit && <span><Icon name="commit" size={14} /><Digest value={change.commit} label="Copy the commit" /></span>}
						{change.repo && <span class="muted">{change.repo}</span>}
						{change.kind && <span class="chip">{kindWord[change.kind] ?? change.kind}</span>}
						{change.fork && <span class="badge tone-wait"><Icon name="flaky" size={13} />from a fork</span>}
						{run.created_at && <span><Icon name="clock" size={14} /><Ago at={run.created_at} /></span>}
					</div>
				</div>
				<div class="button-row">
					{run.waits && <><Button kind="primary" icon="check" why={whyNot(me, 'approver')} onClick={() => decide(true)}>Let it run</Button><Button kind="danger" why={whyNot(me, 'approver')} onClick={() => decide(false)}>Refuse</Button></>}
					{canRerun && <Button kind="primary" icon="rerun" why={may} onClick={rerun}>Run again</Button>}
					{!over(run) && <Button icon="stop" why={may} onClick={cancel}>Cancel</Button>}
					<Menu
						label="More" icon="more"
						items={[
							...[`penstock why ${run.id}`, `penstock logs ${run.id}`, `penstock status`].map((c) => ({ label: `Copy: ${c}`, icon: 'terminal' as const, act: () => void copyText(c).then((ok) => ok && toast(`Copied: ${c}`)) })),
							{ label: 'Copy the link', icon: 'link', act: () => void copyText(location.href).then((ok) => ok && toast('The link is copied')) },
							{ label: 'As JSON', icon: 'external', act: () => void open(`/api/v1/runs/${run.id}`, '_blank', 'noopener') },
						]}
					/>
				</div>
			</header>
			<dl class="stats panel">
				<Clock run={run} />
				<Stat name="Jobs">
					<span class="num">{count(done)} of {count(all)}</span>
					<span class="muted">{[run.cached && `${count(run.cached)} cached`, run.unaffected && `${count(run.unaffected)} more unaffected`, run.amber && `${run.amber} amber`].filter(Boolean).join(', ')}</span>
				</Stat>
				{report && report.tests > 0 && (
					<Stat name="Tests">
						<span class="num">{count(report.tests)}</span>
						{report.failed ? <span class="stat-bad"><Icon name="failed" size={13} />{plural(report.failed, 'failure')}</span> : <span class="muted">none failed</span>}
					</Stat>
				)}
				{report && (report.errors > 0 || report.warnings > 0) && <Stat name="Findings"><span class="num">{plural(report.errors, 'error')}</span><span class="muted">{plural(report.warnings, 'warning')}</span></Stat>}
				{report?.coverage && <Stat name="Coverage"><span class="num">{percent(report.coverage.share)}</span>{report.coverage.change !== undefined && <span class="muted"> {report.coverage.change >= 0 ? '+' : '\u2212'}{(Math.abs(report.coverage.change) * 100).toFixed(1)} points</span>}</Stat>}
				{run.affected?.length ? <Stat name="Affected"><span title={run.affected.join(', ')}>{run.affected.slice(0, 3).join(', ')}{run.affected.length > 3 ? ` and ${run.affected.length - 3} more` : ''}</span></Stat> : null}
				<Stat name="Release">{run.release ? hasPage('/releases/:id') ? <a href={`/releases/${run.release}`}>{run.release}</a> : <span>{run.release}</span> : <span class="muted">{run.state === 'passed' ? 'none: no image changed' : over(run) ? 'none' : 'not yet'}</span>}</Stat>
			</dl>
			{run.reason && <div class={`notice tone-${run.state === 'failed' ? 'bad' : 'idle'}`}><Icon name={run.state === 'failed' ? 'failed' : 'superseded'} /><div>{run.reason}</div></div>}
			{run.advice?.length ? <div class="notice tone-kept"><Icon name="insights" /><div><strong>It could be faster</strong><ul class="advice">{run.advice.map((a) => <li key={a}>{a}</li>)}</ul></div></div> : null}
			{ask && <Confirm {...ask} onClose={() => setAsk(null)} />}
		</>
	);
}

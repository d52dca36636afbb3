import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useTick } from '../../api/hooks';
import type { Job, Run } from '../../api/types';
import { cx } from '../../ui/basics';
import { duration, plural, serverNow } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { lookOf, StateIcon } from '../../ui/state';
import { jobName, stageName } from '../way/model';
import { groupsOf, ticks, type Bar, type Group } from './waterfall';

const MANY = 200; // bars drawn at once; the rest when asked for

const share = (n: number) => `${Math.min(100, Math.max(0, n * 100))}%`;

function Row({ bar, group, span, chosen, onChoose }: { bar: Bar; group: Group; span: number; chosen: boolean; onChoose: (job: Job) => void }) {
	const { job } = bar;
	const took = bar.run ? duration(bar.run.to - bar.run.from) : '';
	const end = bar.run ? (bar.run.to - group.from) / span : bar.wait ? (bar.wait.to - group.from) / span : 0;
	return (
		<li>
			<button type="button" class={cx('wf-row', chosen && 'chosen', bar.critical && 'critical')} aria-pressed={chosen} data-job={job.id} onClick={() => onChoose(job)}>
				<span class="wf-name"><StateIcon state={job.state} /><span class="cut">{jobName(job)}</span>{bar.critical && <span class="offscreen">, on the critical path,</span>}{job.attempt && job.attempt > 1 ? <span class="chip">try {job.attempt}</span> : null}</span>
				<span class="wf-track">
					{bar.wait && <span class="wf-wait" title={`waited ${duration(bar.wait.to - bar.wait.from)}`} style={{ left: share((bar.wait.from - group.from) / span), width: share((bar.wait.to - bar.wait.from) / span) }} />}
					{bar.run && <span class={cx('wf-bar', `tone-${lookOf(job.state).tone}`, job.state === 'running' && 'wf-live')} style={{ left: share((bar.run.from - group.from) / span), width: share((bar.run.to - bar.run.from) / span) }} />}
					<span class={cx('wf-took', end > 0.8 && 'wf-took-in')} style={end > 0.8 ? { right: share(1 - (bar.run ? (bar.run.from - group.from) / span : end)) } : { left: share(end) }}>
						{took || (job.state === 'ready' ? 'waits for a slot' : lookOf(job.state).text)}
					</span>
				</span>
			</button>
		</li>
	);
}

function GroupView({ group, run, chosen, onChoose }: { group: Group; run: Run; chosen: string | undefined; onChoose: (job: Job) => void }) {
	const [all, setAll] = useState(false);
	const [idle, setIdle] = useState(false);
	// While it runs, the room to where it is expected to end is drawn, too.
	const expected = group.stage === 'ci' && group.open && run.predicted ? group.from + run.predicted : 0;
	const to = Math.max(group.to, expected);
	const span = Math.max(to - group.from, 1e5) * 1.02;
	const bars = all ? group.bars : group.bars.slice(0, MANY);
	const counts = new Map<string, number>();
	for (const job of group.idle) counts.set(job.state, (counts.get(job.state) ?? 0) + 1);
	return (
		<section class="wf-group" aria-label={`Stage ${group.stage}`}>
			<div class="wf-head">
				<h2>{stageName[group.stage]}<span class="wf-total">{group.bars.length ? duration(group.to - group.from) : ''}</span></h2>
				<div class="wf-axis" aria-hidden="true">
					{group.bars.length > 0 && ticks(span).map((t) => <span key={t} style={{ left: share(t / span) }}>{duration(t).replace(/\.0 s$/, ' s')}</span>)}
				</div>
			</div>
			<div class="wf-body">
				<div class="wf-grid" aria-hidden="true">
					{group.bars.length > 0 && ticks(span).map((t) => <span key={t} style={{ left: share(t / span) }} />)}
					{expected > 0 && <span class="wf-expected" style={{ left: share((expected - group.from) / span) }} title={`predicted end, after ${duration(run.predicted ?? 0)}`} />}
				</div>
				<ul>{bars.map((bar) => <Row key={bar.job.id} bar={bar} group={group} span={span} chosen={bar.job.id === chosen} onChoose={onChoose} />)}</ul>
			</div>
			{!all && group.bars.length > MANY && <button type="button" class="wf-more" onClick={() => setAll(true)}>Show {plural(group.bars.length - MANY, 'more job')}</button>}
			{group.idle.length > 0 && (
				<>
					<button type="button" class="wf-more" aria-expanded={idle} onClick={() => setIdle(!idle)}>
						<Icon name={idle ? 'down' : 'right'} size={12} />
						{plural(group.idle.length, 'job')} not run: {[...counts].map(([state, n]) => `${n} ${lookOf(state).text}`).join(', ')}
					</button>
					{idle && (
						<ul class="wf-idle">
							{group.idle.map((job) => (
								<li key={job.id}>
									<button type="button" class={cx('wf-row', job.id === chosen && 'chosen')} aria-pressed={job.id === chosen} data-job={job.id} onClick={() => onChoose(job)}>
										<span class="wf-name"><StateIcon state={job.state} /><span class="cut">{jobName(job)}</span></span>
										<span class="wf-why cut">{job.why ?? lookOf(job.state).text}</span>
									</button>
								</li>
							))}
						</ul>
					)}
				</>
			)}
		</section>
	);
}

export function Waterfall({ run, jobs, chosen, onChoose }: { run: Run; jobs: Job[]; chosen: string | undefined; onChoose: (job: Job) => void }) {
	const moves = jobs.some((j) => (j.started_at && !j.ended_at) || j.state === 'ready');
	useTick(moves ? 250 : null);
	const groups = groupsOf(run, jobs, serverNow());
	// The list has an end of its own: what is chosen from elsewhere is brought into it, the page stays where it is.
	const list = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		const row = list.current?.querySelector<HTMLElement>('.wf-row.chosen');
		if (!row || !list.current) return;
		const box = list.current.getBoundingClientRect();
		const at = row.getBoundingClientRect();
		if (at.top < box.top || at.bottom > box.bottom) list.current.scrollTop += at.top - box.top - box.height / 3;
	}, [chosen]);
	return (
		<div class="wf" ref={list}>
			{groups.map((g) => <GroupView key={g.stage} group={g} run={run} chosen={chosen} onChoose={onChoose} />)}
			<p class="wf-legend" aria-hidden="true">
				<span><i class="wf-key-critical" />critical path: what decided how long it took</span>
				<span><i class="wf-key-wait" />waiting for a slot</span>
			</p>
		</div>
	);
}

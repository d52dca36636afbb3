// How the machine works: time by stage, cache, queue, flaky tests, slow jobs.
import { Empty, Table, type Column } from '../../ui/basics';
import { count, duration, percent, plural } from '../../ui/format';
import { Ago } from '../../ui/time';
import { LazyChart } from './lazy';
import { everyDay, type InsightsData } from './model';

const stageNames: Record<string, string> = { ci: 'CI', staging: 'Staging', gate: 'Gate', production: 'Production' };

export function Stages({ data }: { data: InsightsData }) {
	const stages = data.stages ?? [];
	const most = Math.max(1, ...stages.map((s) => s.p95 ?? 0));
	const any = stages.some((s) => s.n);
	return (
		<section class="panel" aria-labelledby="stages-head">
			<header class="panel-head"><h2 id="stages-head">Time by stage</h2><span class="muted">the light bar: 95 of 100</span></header>
			<div class="panel-body">
				{!any && <p class="muted">No stage ended in this time.</p>}
				{any && data.unit && <p class="muted stage-whose">CI: jobs of {data.unit}, the others: releases with it.</p>}
				{any && (
					<dl class="stage-times">
						{stages.map((s) => (
							<div key={s.stage}>
								<dt>{stageNames[s.stage] ?? s.stage}</dt>
								<dd>
									<span class="stage-bar" aria-hidden="true"><span class="stage-p95" style={{ width: `${((s.p95 ?? 0) / most) * 100}%` }} /><span class="stage-p50" style={{ width: `${((s.p50 ?? 0) / most) * 100}%` }} /></span>
									<span class="stage-text">{s.n ? <><strong>{duration(s.p50 ?? 0)}</strong> <span class="muted">median; 95 of 100 within {duration(s.p95 ?? 0)}; {plural(s.n, 'time')}</span></> : <span class="muted">never in this time</span>}</span>
								</dd>
							</div>
						))}
					</dl>
				)}
			</div>
		</section>
	);
}

function Facts({ title, value, note, children, id }: { title: string; value: string; note: string; children?: preact.ComponentChildren; id: string }) {
	return (
		<section class="panel" aria-labelledby={id}>
			<header class="panel-head"><h2 id={id}>{title}</h2></header>
			<div class="panel-body"><p class="big">{value}</p><p class="muted">{note}</p>{children}</div>
		</section>
	);
}

export function Work({ data, since, until }: { data: InsightsData; since: number; until: number }) {
	const days = everyDay(data.days, since, until);
	const at = days.map((d) => d.day);
	const runs = data.runs ?? {};
	const cache = data.cache ?? {};
	const queue = data.queue ?? {};
	const unit = data.unit;
	return (
		<div class="insight-grid">
			<Facts id="runs-head" title="Runs" value={runs.n ? `${percent((runs.passed ?? 0) / runs.n, 0)} passed` : 'none'} note={unit ? `${plural(runs.n ?? 0, 'run')} with jobs of ${unit}; in ${count(runs.failed ?? 0)} one of them failed` : `${plural(runs.n ?? 0, 'run')}, ${count(runs.failed ?? 0)} failed`}>
				<LazyChart days={at} height={130} format={count} label="Runs a day, and how many failed" series={[{ label: 'runs', kind: 'bars', tone: 'idle', values: days.map((d) => d.runs ?? 0) }, { label: 'failed', kind: 'bars', tone: 'bad', values: days.map((d) => d.failed ?? 0) }]} />
			</Facts>
			<Facts id="cache-head" title="Cache" value={cache.jobs ? `${percent(cache.rate ?? 0, 0)} hits` : 'none'} note={`${count(cache.hits ?? 0)} of ${plural(cache.jobs ?? 0, 'job')}${unit ? ` of ${unit}` : ''}; ${duration(cache.saved ?? 0)} of work saved, by how long they take otherwise`}>
				<LazyChart days={at} height={130} format={count} label="Jobs a day, and how many came from the cache" series={[{ label: 'jobs', kind: 'bars', tone: 'idle', values: days.map((d) => d.jobs ?? 0) }, { label: 'hits', kind: 'bars', tone: 'kept', values: days.map((d) => d.hits ?? 0) }]} />
			</Facts>
			<Facts id="queue-head" title="Queue time" value={queue.n ? duration(queue.p50 ?? 0) : 'none'} note={queue.n ? `median of ${plural(queue.n, 'job')}${unit ? ` of ${unit}` : ''}, from ready to started; 95 of 100 within ${duration(queue.p95 ?? 0)}` : 'no job waited for a slot'}>
				<LazyChart days={at} height={130} format={duration} label="Median queue time of jobs, by day" series={[{ label: 'median', kind: 'line', tone: 'wait', values: days.map((d) => d.queue_p50 || null) }]} />
			</Facts>
			<Facts id="ci-head" title={unit ? `CI of ${unit}` : 'CI of a run'} value={stageOf(data, 'ci')} note={unit ? `median, from the push to the end of the last job of ${unit} in stage ci` : 'median, from the push to the last job of stage ci'}>
				<LazyChart days={at} height={130} format={duration} label="Median time of stage ci, by day" series={[{ label: 'median', kind: 'line', tone: 'accent', values: days.map((d) => d.ci_p50 || null) }]} />
			</Facts>
		</div>
	);
}
const stageOf = (data: InsightsData, stage: string): string => {
	const found = data.stages?.find((s) => s.stage === stage);
	return found?.n ? duration(found.p50 ?? 0) : 'none';
};

type Flaky = NonNullable<InsightsData['flaky']>[number];
type Slow = NonNullable<InsightsData['slowest']>[number];

export function Lists({ data }: { data: InsightsData }) {
	const flaky: Column<Flaky>[] = [
		{ name: 'Test', cell: (t) => <span class="wrap">{t.test}</span> },
		{ name: 'Job', cell: (t) => [t.unit, t.job].filter(Boolean).join('/'), minor: true },
		{ name: 'Times', number: true, cell: (t) => count(t.count ?? 0) },
		{ name: 'Last', number: true, cell: (t) => <Ago at={t.last_at} /> },
	];
	const slow: Column<Slow>[] = [
		{ name: 'Job', cell: (j) => (j.unit ? `${j.unit}/${j.job}` : j.job) },
		{ name: 'Takes', number: true, cell: (j) => duration(j.usec ?? 0) },
		{ name: 'Ran', number: true, cell: (j) => plural(j.runs ?? 0, 'time'), minor: true },
		{ name: 'Failed', number: true, cell: (j) => count(j.failed ?? 0) },
	];
	return (
		<div class="insight-grid insight-two">
			<section class="panel" aria-labelledby="flaky-head">
				<header class="panel-head"><h2 id="flaky-head">Flakiest tests</h2><span class="muted">of all time</span></header>
				{data.flaky?.length ? <Table caption="Tests that passed and failed with the same inputs" columns={flaky} rows={data.flaky} keyOf={(t) => `${t.unit}/${t.job} ${t.test}`} /> : <Empty icon="passed" title="No test was seen to be flaky">A test that fails and passes with the same inputs stands here. Put one into quarantine, so that it fails nobody until it is mended, with <code>penstock quarantine</code>.</Empty>}
			</section>
			<section class="panel" aria-labelledby="slow-head">
				<header class="panel-head"><h2 id="slow-head">Slowest jobs</h2><span class="muted">a mean that follows the newest, when not cached</span></header>
				{data.slowest?.length ? <Table caption="Jobs by how long they take" columns={slow} rows={data.slowest.slice(0, 12)} keyOf={(j) => `${j.unit}/${j.job}`} /> : <Empty icon="clock" title="No job has run yet">How long each takes is learnt from its runs.</Empty>}
			</section>
		</div>
	);
}

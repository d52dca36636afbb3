// Insights: how delivery goes. DORA's five measures with the deployments behind each point, and where the time goes.
import { useMemo, useState } from 'preact/hooks';
import { useQuery } from '../../api/hooks';
import type { Environment } from '../../api/types';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, cx, Empty, Failure, Skeleton, Table, useTitle, type Column } from '../../ui/basics';
import { count, duration, exact, percent, plural, serverNow } from '../../ui/format';
import { Segments } from '../../ui/tabs';
import { useFew } from '../shared/list';
import { Deploys } from './deploys';
import { LazyChart } from './lazy';
import { dayKey, dayOf, dayText, everyDay, measureOf, measures, RANGES, rangeOf, sinceOf, type DoraDay, type InsightsData, type Measure, type Numbers } from './model';
import { Lists, Stages, Work } from './work';

function Tiles({ all, chosen, onChoose }: { all: Numbers; chosen: Measure; onChoose: (id: string) => void }) {
	return (
		<div class="measures" role="group" aria-label="DORA's five measures">
			{measures.map((m) => (
				<button key={m.id} type="button" class={cx('measure', m === chosen && 'measure-here')} aria-pressed={m === chosen} onClick={() => onChoose(m.id)}>
					<span class="measure-name">{m.name}</span>
					<span class="big">{m.value(all)}</span>
					<span class="measure-note">{m.note(all)}</span>
				</button>
			))}
		</div>
	);
}

function Curve({ measure, days, chosen, onPick, definition }: { measure: Measure; days: ({ day: number } & Partial<DoraDay>)[]; chosen: number | undefined; onPick: (day: number) => void; definition: string | undefined }) {
	const [at, setAt] = useState<number>();
	const series = useMemo(() => measure.series(days), [measure, days]);
	const index = days.findIndex((d) => d.day === (at ?? chosen));
	const any = series.some((s) => s.values.some((v) => v));
	const columns: Column<{ day: number } & Partial<DoraDay>>[] = [
		{ name: 'Day (UTC)', cell: (d) => <Button kind="quiet" small onClick={() => onPick(d.day)}>{dayText(d.day)}</Button> },
		{ name: 'Deployments', number: true, cell: (d) => count(d.deploys ?? 0) },
		...measures.filter((m) => m.id !== 'frequency').map((m): Column<{ day: number } & Partial<DoraDay>> => ({ name: m.name, number: true, minor: m !== measure, cell: (d) => m.value(d) })),
	];
	return (
		<section class="panel" aria-labelledby="curve-head">
			<header class="panel-head">
				<h2 id="curve-head">{measure.name}</h2>
				<span class="muted curve-read" aria-hidden="true">
					{index >= 0 ? <><strong>{dayText((days[index] as DoraDay).day)}</strong> {series.map((s) => `${s.label} ${s.values[index] == null ? 'none' : measure.format(s.values[index] as number)}`).join(', ')}</> : measure.what}
				</span>
			</header>
			<div class="panel-body stack">
				{any ? <LazyChart days={days.map((d) => d.day)} series={series} format={measure.format} height={230} label={`${measure.name} by day, ${plural(days.length, 'day')}; the table below has the same numbers`} chosen={chosen} onPick={onPick} onPoint={setAt} /> : <p class="muted curve-none">Nothing to draw in this time: {measure.what}.</p>}
				<div class="curve-foot">
					<span class="legend">{series.map((s) => <span key={s.label}><span class={`swatch swatch-${s.tone}`} aria-hidden="true" />{s.label}</span>)}</span>
					<span class="muted">{definition && `${definition[0]?.toUpperCase()}${definition.slice(1)}.`}{any ? ' Choose a day to see its deployments.' : ''}</span>
				</div>
				<details class="as-table">
					<summary>The same as a table</summary>
					<Table caption={`${measure.name} by day`} columns={columns} rows={[...days].reverse().filter((d) => d.deploys)} keyOf={(d) => String(d.day)} />
				</details>
			</div>
		</section>
	);
}

const UNITS = 12; // services shown at first, those with the most deployments

function ByService({ data, chosen, link }: { data: InsightsData; chosen: string; link: (change: Record<string, string | null>) => string }) {
	type Row = Numbers & { unit: string };
	const columns: Column<Row>[] = [
		{ name: 'Service', cell: (u) => <a href={link({ unit: u.unit === chosen ? null : u.unit })}>{u.unit}</a> },
		{ name: 'Deploys', number: true, cell: (u) => count(u.deploys ?? 0) },
		{ name: 'Lead time', number: true, cell: (u) => (u.lead_p50 ? duration(u.lead_p50) : '\u2013') },
		{ name: 'Failed', number: true, cell: (u) => <span class={u.failed ? 'bad-text' : undefined}>{u.deploys ? percent(u.fail_rate ?? 0, 0) : '\u2013'}</span> },
		{ name: 'Recovery', number: true, cell: (u) => (u.recovery_p50 ? duration(u.recovery_p50) : '\u2013'), minor: true },
		{ name: 'Rework', number: true, cell: (u) => (u.deploys ? percent(u.rework_rate ?? 0, 0) : '\u2013'), minor: true },
	];
	const units = [...(data.dora?.units ?? [])].sort((a, b) => (b.deploys ?? 0) - (a.deploys ?? 0) || a.unit.localeCompare(b.unit));
	const few = useFew(units, UNITS, 'services');
	return (
		<section class="panel" aria-labelledby="units-head">
			<header class="panel-head"><h2 id="units-head">By service</h2><span class="panel-note">times: the median</span></header>
			<Table caption="The five measures by service" columns={columns} rows={few.shown} keyOf={(u) => u.unit} />
			{few.more && <div class="panel-foot">{few.more}</div>}
		</section>
	);
}

const definitionOf: Record<string, string> = { lead: 'lead', frequency: 'deployment', failures: 'fail_rate', recovery: 'recovery', rework: 'rework_rate' };

export default function Insights(_: PageProps) {
	const place = usePlace();
	const get = (key: string) => place.query.get(key) ?? '';
	const range = rangeOf(get('days'));
	const unit = get('unit');
	const environment = get('environment');
	const measure = measureOf(get('measure'));
	const day = dayOf(get('day'));
	const now = serverNow();
	const since = sinceOf(now, range);
	const query = new URLSearchParams({ since: String(since), ...(unit ? { unit } : {}), ...(environment ? { environment } : {}) });
	// Only what ends changes it: not each step of each job.
	const { data, problem } = useQuery<InsightsData>(`/insights?${query}`, (touch) => ['job.ended', 'route.weight_set', 'person.incident_close'].includes(touch.type));
	const environments = useQuery<{ environments: Environment[] }>('/environments?limit=100');
	const [units, setUnits] = useState<string[]>([]);
	useTitle('Insights');
	const link = (change: Record<string, string | null>) => withQuery(place, change);
	const set = (change: Record<string, string | null>) => go(link(change), { keepScroll: true });
	const all = data?.dora?.all ?? {};
	const known = data?.dora?.units?.map((u) => u.unit) ?? [];
	if (!unit && known.length && known.join() !== units.join()) setUnits(known);
	const days = useMemo(() => everyDay<DoraDay>(data?.dora?.days, since, now), [data, since]);
	const behind = day === undefined ? undefined : days.find((d) => d.day === day);
	const nothing = data && !all.deploys && !data.runs?.n && !data.stages?.some((s) => s.n);
	const service = unit ? ` of ${unit}` : '';
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<h1>Insights</h1>
					<p class="muted">{range} days, since <time dateTime={new Date(since / 1000).toISOString()} title={exact(since)}>{dayText(since)}</time>; days begin at 00:00 UTC{unit ? `; only ${unit}` : ''}{environment ? `; in ${environment}` : '; in production'}</p>
				</div>
				<Segments label="Time shown" value={String(range)} onChange={(v) => set({ days: v === '30' ? null : v, day: null })} options={RANGES.map((r) => ({ value: String(r), label: `${r} days` }))} />
			</header>
			<div class="filters">
				<select class="choice" data-filter aria-label="Service" value={unit} onChange={(e) => set({ unit: e.currentTarget.value, day: null })}>
					<option value="">All services</option>
					{[...new Set([...(unit ? [unit] : []), ...units])].map((u) => <option key={u} value={u}>{u}</option>)}
				</select>
				<select class="choice" aria-label="Environment" value={environment} onChange={(e) => set({ environment: e.currentTarget.value, day: null })}>
					<option value="">Production</option>
					{(environments.data?.environments ?? []).filter((e) => e.stage !== 'production').map((e) => <option key={e.id} value={e.id}>{e.id}</option>)}
				</select>
				{(unit || environment) && <Button kind="quiet" icon="close" onClick={() => set({ unit: null, environment: null, day: null })}>Clear</Button>}
			</div>
			{problem !== undefined && <Failure problem={problem} />}
			{!data && problem === undefined && <Skeleton lines={5} tall />}
			{nothing && (
				<Empty icon="insights" title={`Nothing${service} ended in the last ${range} days`} command="penstock dora">
					Each deployment to production, each run and each job that ends is counted here by itself: there is nothing to set up. The same numbers in a terminal:
				</Empty>
			)}
			{data && !nothing && (
				<>
					<Tiles all={all} chosen={measure} onChoose={(id) => set({ measure: id === 'lead' ? null : id })} />
					<Curve measure={measure} days={days} chosen={day} definition={data.definitions?.[definitionOf[measure.id] as string]?.replace(/; (usec|0\.\.1)$/, '')} onPick={(d) => set({ day: d === day ? null : dayKey(d) })} />
					{behind && <Deploys day={behind as DoraDay} onClose={() => set({ day: null })} />}
					<div class="insight-grid insight-two">
						<ByService data={data} chosen={unit} link={link} />
						<Stages data={data} />
					</div>
					{environment && <p class="muted">Deployments are those to {environment}. What follows, and the time by stage, does not go by environment.</p>}
					<Work data={data} since={since} until={now} />
					<Lists data={data} />
				</>
			)}
		</div>
	);
}

// One run: its jobs to time or as a graph, what they reported, and each job's log.
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { idPath } from '../../api/client';
import { useQuery } from '../../api/hooks';
import type { Job, Run, RunReport } from '../../api/types';
import { currentPlace, go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Empty, Failure, Skeleton, useTitle } from '../../ui/basics';
import { lookOf } from '../../ui/state';
import { Segments } from '../../ui/tabs';
import { announce } from '../../ui/toast';
import { jobName } from '../way/model';
import { CoverageSum, Findings } from './findings_view';
import { GraphView } from './graph_view';
import { RunHead } from './head';
import { JobPanel } from './job_panel';
import { Tests } from './tests_view';
import { Waterfall } from './waterfall_view';

type View = 'waterfall' | 'graph' | 'tests' | 'findings' | 'coverage';

// The job that somebody came for: what failed, else what runs.
function firstOfInterest(jobs: Job[]): Job | undefined {
	return jobs.find((j) => j.state === 'failed' && !j.amber) ?? jobs.find((j) => j.state === 'failed' || j.state === 'lost') ?? jobs.find((j) => j.state === 'running');
}

function useAnnouncedJobs(jobs: Job[]): void {
	const before = useRef<Map<string, string>>(undefined);
	useEffect(() => {
		const now = new Map(jobs.map((j) => [j.id, j.state]));
		if (before.current?.size)
			for (const job of jobs) {
				const old = before.current.get(job.id);
				if (old && old !== job.state && (job.state === 'failed' || job.state === 'running')) announce(`${jobName(job)} ${lookOf(job.state).text}`);
			}
		before.current = now;
	}, [jobs]);
}

function RunTests({ report, jobs }: { report: RunReport | undefined; jobs: Job[] }) {
	if (!report) return <Skeleton lines={4} />;
	return <Tests ofRun jobs={jobs} tests={report.failed_tests} sums={{ run: report.tests, failed: report.failed, skipped: report.skipped }} />;
}

export default function RunPage({ params }: PageProps) {
	const id = params['id'] ?? '';
	const place = usePlace();
	const run = useQuery<Run>(`/runs/${idPath(id)}`);
	const list = useQuery<{ jobs: Job[] }>(`/runs/${idPath(id)}/jobs`);
	const report = useQuery<RunReport>(`/runs/${idPath(id)}/report`);
	const jobs = useMemo(() => list.data?.jobs ?? [], [list.data]);
	const views: { value: View; label: string }[] = [{ value: 'waterfall', label: 'Waterfall' }, { value: 'graph', label: 'Graph' }, { value: 'tests', label: 'Tests' }, { value: 'findings', label: 'Findings' }];
	if (report.data?.coverage) views.push({ value: 'coverage', label: 'Coverage' });
	const view = views.find((v) => v.value === place.query.get('view'))?.value ?? 'waterfall';
	const asked = place.query.get('job');
	// Chosen once: when another job fails later, what is being read stays.
	const auto = useRef<string | undefined>(undefined);
	if (asked === null && !auto.current) auto.current = firstOfInterest(jobs)?.id;
	const chosenId = asked === '-' ? undefined : (asked ?? auto.current);
	const chosen = jobs.find((j) => j.id === chosenId);
	useTitle(run.data ? `${lookOf(run.data.state).text}: ${run.data.change?.subject ?? id}` : id);
	useAnnouncedJobs(jobs);
	if (run.problem && !run.data)
		return <div class="page">{run.problem.status === 404 ? <Empty icon="lost" title={`There is no ${id}`} command="penstock runs">Runs are kept for as long as the retention says. <a href="/runs">All runs</a></Empty> : <Failure problem={run.problem} />}</div>;
	if (!run.data) return <div class="page"><Skeleton lines={6} tall /></div>;
	const set = (change: Record<string, string | null>) => go(withQuery({ ...currentPlace(), hash: 'job' in change ? '' : currentPlace().hash }, change), { keepScroll: true });
	const choose = (job: Job) => {
		set({ job: job.id, tab: null });
		// What was asked for is below what was clicked.
		requestAnimationFrame(() => document.querySelector('.job-panel')?.scrollIntoView({ block: 'start', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' }));
	};
	return (
		<div class={`page run${chosen ? ' with-job' : ''}`}>
			<RunHead run={run.data} jobs={jobs} report={report.data} />
			{run.problem && <Failure problem={run.problem} />}
			<section class="panel" aria-label="Jobs">
				<header class="panel-head">
					<Segments label="View" value={view} options={views} onChange={(v) => set({ view: v === 'waterfall' ? null : v })} />
				</header>
				<div class={view === 'waterfall' || view === 'graph' ? 'panel-scroll' : 'panel-body'}>
					{list.problem && !list.data && <Failure problem={list.problem} />}
					{!list.data && !list.problem && <div class="panel-body"><Skeleton lines={6} /></div>}
					{list.data && jobs.length === 0 && <Empty icon="unaffected" title="This change needs no jobs" command={`penstock why ${id}`}>It touches no unit that penstock.yml knows.</Empty>}
					{jobs.length > 0 && view === 'waterfall' && <Waterfall run={run.data} jobs={jobs} chosen={chosenId} onChoose={choose} />}
					{jobs.length > 0 && view === 'graph' && <GraphView run={run.data} jobs={jobs} chosen={chosenId} onChoose={choose} />}
					{view === 'tests' && <RunTests report={report.data} jobs={jobs} />}
					{view === 'findings' && (report.data ? <Findings list={report.data.annotations} /> : <Skeleton lines={4} />)}
					{view === 'coverage' && report.data?.coverage && <CoverageSum of={report.data.coverage} />}
				</div>
			</section>
			{chosen && <JobPanel job={chosen} jobs={jobs} tab={place.query.get('tab') ?? 'log'} onTab={(tab) => set({ tab: tab === 'log' ? null : tab, job: chosen.id })} onChoose={choose} onClose={() => set({ job: '-', tab: null })} />}
			{jobs.length > 0 && !chosen && <p class="muted hint">Choose a job to see its log, why it ran, its tests and its key.</p>}
		</div>
	);
}

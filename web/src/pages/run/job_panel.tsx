// All there is to know of one job.
import { useState } from 'preact/hooks';
import { useQuery } from '../../api/hooks';
import { idPath, write } from '../../api/client';
import { useMe, whyNot } from '../../api/me';
import type { Job, JobReport } from '../../api/types';
import { Button, Failure, Skeleton } from '../../ui/basics';
import { Confirm } from '../../ui/dialog';
import { Icon } from '../../ui/icon';
import { StateBadge } from '../../ui/state';
import { Tabs, type Tab } from '../../ui/tabs';
import { Took } from '../../ui/time';
import { toast } from '../../ui/toast';
import { jobName } from '../way/model';
import { CoverageFiles, CoverageSum, Findings } from './findings_view';
import { LogView } from './log_view';
import { Tests } from './tests_view';
import { KeyView, Why } from './why_view';

// A note of a tab that says how many, and whether they are bad.
function Bad({ n }: { n: number }) {
	return n ? <span class="tone-bad tab-bad"><Icon name="failed" size={11} label="failed" />{n}</span> : null;
}

function Report({ job, children }: { job: Job; children: (report: JobReport) => preact.ComponentChildren }) {
	const { data, problem } = useQuery<JobReport>(job.report?.blob ? `/jobs/${idPath(job.id)}/report` : null);
	if (!job.report?.blob) return <>{children({ job: job.id })}</>;
	if (problem && !data) return <Failure problem={problem} />;
	if (!data) return <Skeleton lines={5} />;
	return <>{children(data)}</>;
}

export function JobPanel({ job, jobs, tab, onTab, onChoose, onClose }: { job: Job; jobs: Job[]; tab: string; onTab: (tab: string) => void; onChoose: (job: Job) => void; onClose: () => void }) {
	const me = useMe();
	const [ask, setAsk] = useState<'start' | 'resume' | null>(null);
	const may = whyNot(me, 'developer');
	const found = (job.report?.errors ?? 0) + (job.report?.warnings ?? 0);
	const tabs: Tab[] = [
		{ id: 'log', label: 'Log', body: () => <LogView key={`${job.id} ${job.attempt ?? 0}`} job={job} /> },
		{ id: 'why', label: 'Why', body: () => <Why job={job} jobs={jobs} onChoose={onChoose} /> },
		{
			id: 'tests', label: 'Tests', note: job.junit?.failed ? <Bad n={job.junit.failed} /> : job.junit?.tests || undefined,
			body: () => <Report job={job}>{(r) => <Tests jobs={[job]} tests={(r.tests ?? []).map((test) => ({ job: job.id, test }))} sums={{ run: job.junit?.tests ?? 0, failed: job.junit?.failed ?? 0, skipped: job.junit?.skipped ?? 0 }} />}</Report>,
		},
		{ id: 'findings', label: 'Findings', note: job.report?.errors ? <Bad n={job.report.errors} /> : found || undefined, body: () => <Report job={job}>{(r) => <Findings list={(r.annotations ?? []).map((annotation) => ({ annotation }))} />}</Report> },
	];
	if (job.report?.lines)
		tabs.push({
			id: 'coverage', label: 'Coverage',
			body: () => (
				<Report job={job}>
					{(r) => (
						<div class="stack">
							<CoverageSum of={{ lines: job.report?.lines ?? 0, covered: job.report?.covered ?? 0, base: job.report?.base_lines ? (job.report.base_covered ?? 0) / job.report.base_lines : undefined }} />
							<CoverageFiles files={r.coverage ?? []} />
						</div>
					)}
				</Report>
			),
		});
	if (job.key && job.stage === 'ci') tabs.push({ id: 'key', label: 'Key', body: () => <KeyView job={job} /> });
	const start = async (reason: string) => {
		await write('POST', `/jobs/${idPath(job.id)}/start`, { ...(ask === 'resume' ? { resume: true } : {}), reason });
		toast(`${jobName(job)} starts`);
	};
	return (
		<section class="panel job-panel" aria-label={`Job ${jobName(job)}`}>
			<header class="panel-head">
				<h2><span class="cut">{jobName(job)}</span></h2>
				<StateBadge state={job.state} />
				{job.started_at && <span class="muted"><Took from={job.started_at} to={job.ended_at} /></span>}
				{job.state === 'manual' && <Button small kind="primary" icon="play" why={may} onClick={() => setAsk('start')}>Start</Button>}
				{job.state === 'failed' && <Button small icon="rerun" why={may} onClick={() => setAsk('resume')}>Resume</Button>}
				<Button small kind="quiet" icon="close" aria-label="Close the job" onClick={onClose} />
			</header>
			{job.report?.cause && (
				<div class="cause">
					<h3><Icon name="flaky" size={13} />Likely cause</h3>
					<pre tabIndex={0}>{job.report.cause}</pre>
				</div>
			)}
			<Tabs tabs={tabs} at={tab} onChange={onTab} label={`Job ${jobName(job)}`} />
			{ask && (
				<Confirm
					title={ask === 'start' ? `Start ${jobName(job)}` : `Resume ${jobName(job)}`} yes={ask === 'start' ? 'Start it' : 'Resume it'} comment="Why (kept in the journal)"
					text={ask === 'start' ? 'It runs now, as the run planned it.' : 'It runs again in the workspace that its failure left. Its result is not cached, and counts for this run only.'}
					act={start} onClose={() => setAsk(null)}
				/>
			)}
		</section>
	);
}

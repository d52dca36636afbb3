// Tests: what failed first, with its text; flaky and quarantined ones marked; then the rest. Each can be opened to see its history.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useQuery } from '../../api/hooks';
import type { History, Job, ReportTest, TestsOverview } from '../../api/types';
import { usePlace } from '../../router';
import { Button, Empty } from '../../ui/basics';
import { count, duration, plural } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { StateIcon } from '../../ui/state';
import { Ago } from '../../ui/time';
import { testTook } from './test_history';
import { TestHistoryView } from './test_history_view';

const PAGE = 200;

export interface Tested {
	job: string;
	test: ReportTest;
}

export const testName = (t: ReportTest): string => (t.class ? `${t.class}.${t.name}` : t.name);

function useMarks(): (name: string) => { flaky: number; last: number; quarantined: string } {
	const tests = useQuery<TestsOverview>('/tests').data;
	return (name) => {
		const flaky = (tests?.flaky ?? []).filter((f) => f.test === name);
		const kept = tests?.quarantine.find((q) => q.test === name && !q.over);
		return { flaky: flaky.reduce((n, f) => n + f.count, 0), last: Math.max(0, ...flaky.map((f) => f.last_at)), quarantined: kept ? `in quarantine${kept.owner ? `, ${kept.owner} looks after it` : ''}` : '' };
	};
}

function Marks({ name, of }: { name: string; of: ReturnType<typeof useMarks> }) {
	const { flaky, last, quarantined } = of(name);
	return (
		<>
			{flaky > 0 && <span class="badge tone-wait" title="It failed and passed on the same inputs"><Icon name="flaky" size={13} />flaky {flaky} {flaky === 1 ? 'time' : 'times'}{last ? <>, <Ago at={last} /></> : null}</span>}
			{quarantined && <span class="badge tone-kept"><Icon name="shield" size={13} />{quarantined}</span>}
		</>
	);
}

export function HistoryLine({ unit, name }: { unit: string | undefined; name: string }) {
	const history = useQuery<History>(`/history/${encodeURIComponent(unit || '-')}/${encodeURIComponent(name)}`).data;
	if (!history) return null;
	return (
		<p class="facts">
			<span>{plural(history.runs ?? 0, 'run')} known</span>
			<span>{count(history.failed ?? 0)} failed</span>
			<span>{count(history.flaky ?? 0)} flaky</span>
			{history.usec ? <span>usually takes {duration(history.usec)}</span> : null}
		</p>
	);
}

// What is not seen is not asked for. asked: a link leads here.
function Opened({ open, asked, class: name, summary, children }: { open?: boolean; asked: boolean; class: string; summary: ComponentChildren; children: () => ComponentChildren }) {
	const [seen, setSeen] = useState(open ?? false);
	const ref = useRef<HTMLDetailsElement>(null);
	useLayoutEffect(() => {
		if (asked) ref.current?.scrollIntoView({ block: 'nearest' });
	}, [asked]);
	return (
		<details ref={ref} class={name} open={open ?? false} onToggle={(e) => e.currentTarget.open && setSeen(true)}>
			<summary>{summary}</summary>
			{seen && children()}
		</details>
	);
}

export function Tests({ tests, jobs, sums, ofRun }: { tests: Tested[]; jobs: Job[]; sums: { run: number; failed: number; skipped: number }; ofRun?: boolean }) {
	const marks = useMarks();
	const [text, setText] = useState('');
	const [shown, setShown] = useState(PAGE);
	if (!sums.run && !tests.length) return <Empty icon="passed" title="No tests were reported" command="penstock check">A job reports tests when penstock.yml says where its JUnit file is: reports: {'{junit: out/*.xml}'}.</Empty>;
	const fits = (t: Tested) => testName(t.test).toLowerCase().includes(text.toLowerCase());
	const failed = tests.filter((t) => t.test.outcome === 'failed' && fits(t));
	const asked = usePlace().query.get('test');
	const isAsked = (t: Tested) => testName(t.test) === asked;
	const passed = tests.filter((t) => t.test.outcome !== 'failed' && fits(t));
	const others = [...passed.filter(isAsked), ...passed.filter((t) => !isAsked(t))];
	const history = ({ job, test }: Tested) => {
		const of = jobs.find((j) => j.id === job);
		return of && <TestHistoryView job={of} test={testName(test)} />;
	};
	return (
		<div class="stack">
			<div class="facts">
				<span><StateIcon state="passed" />{count(sums.run - sums.failed - sums.skipped)} passed</span>
				<span><StateIcon state="failed" />{count(sums.failed)} failed</span>
				<span><StateIcon state="skipped" />{count(sums.skipped)} skipped</span>
				{tests.length > 20 && <input class="tests-filter" type="search" aria-label="Filter tests" placeholder="Filter tests" value={text} onInput={(e) => { setText(e.currentTarget.value); setShown(PAGE); }} />}
			</div>
			{failed.map(({ job, test }) => (
				<Opened
					key={`${job} ${testName(test)}`} class="failed-test" open={failed.length <= 5 || testName(test) === asked} asked={testName(test) === asked}
					summary={
						<>
							<StateIcon state="failed" />
							<span class="test-name">{testName(test)}</span>
							<Marks name={testName(test)} of={marks} />
							{ofRun && <a class="chip" href={`?job=${encodeURIComponent(job)}&tab=log`}>{job.split('/').slice(2).join('/')}</a>}
							{test.usec ? <span class="muted num">{testTook(test.usec)}</span> : null}
						</>
					}
				>
					{() => (
						<div class="failed-text">
							{test.file && <p class="muted"><code>{test.file}{test.line ? `:${test.line}` : ''}</code></p>}
							{test.message && <p>{test.message}</p>}
							{test.text && <pre tabIndex={0}>{test.text}</pre>}
							{history({ job, test })}
						</div>
					)}
				</Opened>
			))}
			{failed.length === 0 && sums.failed === 0 && !text && ofRun && <p class="muted">All {plural(sums.run, 'test')} passed or were skipped. Choose a job to see them one by one.</p>}
			{others.length > 0 && (
				<ul class="tests">
					{others.slice(0, shown).map(({ job, test }, i) => (
						<li key={`${job} ${testName(test)} ${testName(test) === asked} ${i}`}>
							<Opened
								class="other-test" open={testName(test) === asked} asked={testName(test) === asked}
								summary={
									<>
										<StateIcon state={test.outcome === 'skipped' ? 'skipped' : 'passed'} />
										<span class="test-name cut" title={testName(test)}>{testName(test)}</span>
										<Marks name={testName(test)} of={marks} />
										{test.message && <span class="muted cut">{test.message}</span>}
										<span class="muted num">{test.usec ? testTook(test.usec) : ''}</span>
									</>
								}
							>
								{() => history({ job, test })}
							</Opened>
						</li>
					))}
				</ul>
			)}
			{others.length > shown && <Button kind="quiet" onClick={() => setShown(shown + PAGE * 5)}>Show {count(Math.min(PAGE * 5, others.length - shown))} more of {count(others.length - shown)}</Button>}
		</div>
	);
}

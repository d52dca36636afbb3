// What the API answers. Shapes leave out null, 0, false and empty members, so nearly everything is optional; times are microseconds since
// 1970, lengths of time are microseconds, digests "sha256:<hex>" or bare hex.

export type RunState = 'planned' | 'running' | 'passed' | 'failed' | 'cancelled' | 'superseded';
export type JobState =
	| 'blocked' | 'ready' | 'running' | 'passed' | 'cached' | 'unaffected' | 'skipped' | 'failed' | 'flaky' | 'cancelled' | 'lost' | 'manual';
export type ReleaseState =
	| 'built' | 'staging' | 'staged' | 'gated' | 'promoting' | 'live' | 'rejected' | 'failed' | 'rolled_back' | 'superseded';
export type RolloutState =
	| 'queued' | 'planned' | 'applying' | 'baking' | 'promoting' | 'verifying' | 'done' | 'holding' | 'aborting' | 'aborted';
export type IncidentState = 'open' | 'mitigated' | 'closed';
export type Stage = 'ci' | 'staging' | 'gate' | 'production';

export interface Change {
	kind?: 'pull_request' | 'merge_queue' | 'tag' | 'schedule' | 'person'; // absent: a push
	target?: string;
	number?: string;
	fork?: boolean;
	labels?: string[];
	repo?: string;
	ref?: string;
	commit?: string;
	base?: string;
	author?: string;
	email?: string;
	subject?: string;
	reverts?: string; // a release that this commit takes back
	pushed_at?: number;
}

export interface Run {
	id: string;
	state: RunState;
	change?: Change;
	config?: string;
	plan?: string;
	jobs?: number; // of stage ci, as the next four
	open?: number;
	cached?: number;
	unaffected?: number;
	failed?: number;
	release?: string;
	reason?: string;
	affected?: string[];
	amber?: number; // jobs that failed and may, or were flaky
	manual?: number; // jobs that wait for somebody to start them
	waits?: boolean; // a change from a fork that nobody approved yet
	budget?: number;
	predicted?: number;
	critical?: string[]; // job ids, once it ended
	advice?: string[];
	created_at?: number;
	ended_at?: number;
}

export interface Junit {
	tests?: number;
	failed?: number;
	skipped?: number;
	first_failure?: string;
	failures?: string[];
}
export interface JobReportRef {
	blob?: string;
	errors?: number;
	warnings?: number;
	lines?: number;
	covered?: number;
	base_lines?: number;
	base_covered?: number;
	cause?: string; // the likely cause of a failure: the lines to read first
}
export interface Job {
	id: string;
	run?: string;
	unit?: string; // absent: of the project or the release
	name: string;
	stage: Stage;
	kind?: 'image'; // absent: run
	state: JobState;
	key?: string;
	why?: string;
	release?: string;
	needs?: string[];
	matrix?: { key: string; value?: string }[];
	shard?: number;
	shards?: number;
	agent?: string;
	group?: string;
	amber?: boolean;
	optional?: boolean;
	played?: boolean;
	cpu?: number; // thousandths
	memory?: number;
	retries?: number;
	flaky_tries?: number;
	losses?: number;
	resumed?: boolean;
	attempt?: number;
	ready_at?: number;
	started_at?: number;
	ended_at?: number;
	exit?: number;
	failure?: string;
	error?: string;
	log?: string;
	image?: string;
	outputs?: string;
	evidence?: string;
	junit?: Junit;
	report?: JobReportRef;
	settled?: boolean;
}

export interface ReleaseItem {
	unit: string;
	image: string;
	wave?: number;
	staging_rollout?: string;
	production_rollout?: string;
	staging_done?: boolean;
	production_done?: boolean;
	staging_skipped?: boolean; // the very digest was live already
	production_skipped?: boolean;
	live?: boolean; // it is what runs in production now
	taken_back?: boolean; // from production, once it was live
	evidence_job?: string;
}
export interface Requirement {
	kind: string; // evidence | approvals | window | hold | veto | reviews ...
	state: string; // ok | wait | no
	reason?: string;
}
export interface Approval {
	actor: string;
	yes?: boolean;
	comment?: string;
	note?: string; // how who said it stands to the author, for who audits
	at?: number;
}
export interface Gate {
	requirements?: Requirement[];
	approvals?: Approval[];
	decision?: string;
	by?: string;
	decided_at?: number;
	record?: string;
}
export interface Release {
	id: string;
	run?: string;
	state: ReleaseState;
	change?: Change;
	items?: ReleaseItem[];
	evidence?: { image?: string; type?: string; stage?: string; envelope?: string }[];
	gate?: Gate;
	reason?: string;
	environment?: string;
	wave?: number;
	rolling_back?: boolean;
	jobs_open?: number;
	built_at?: number;
	staged_at?: number;
	gated_at?: number;
	live_at?: number;
	ended_at?: number;
	incident?: string;
}

export interface VerdictNumbers {
	answer?: string;
	metric?: string;
	lane?: string;
	evidence?: number;
	wanted?: number;
	harm_evidence?: number;
	harm_wanted?: number;
	need?: number; // requests that are still missing
	canary_n?: number;
	canary_errors?: number;
	stable_n?: number;
	stable_errors?: number;
	seconds?: number;
}
export interface Rollout {
	id: string;
	release: string;
	environment: string;
	unit: string;
	image: string;
	previous?: string;
	state: RolloutState;
	strategy?: { kind?: string; steps?: { share?: number }[]; min_bake?: number; max?: number; error_margin?: number; latency_margin?: number; guard_error_rate?: number };
	step?: number;
	replicas?: number;
	want?: number;
	ready?: number;
	weight?: number;
	confirmed?: number;
	numbers?: VerdictNumbers;
	reason?: string;
	cause?: string;
	is_return?: boolean;
	held_from?: RolloutState;
	restarts?: number;
	plan?: string; // hash of the deploy plan
	desired?: string; // commit in the environment's repository
	harm_at?: number; // the first bad answer of the new version
	zero_ordered_at?: number;
	zero_confirmed_at?: number;
	created_at?: number;
	applied_at?: number;
	baked_at?: number;
	step_at?: number;
	ended_at?: number;
	verdict_at?: number;
}

export interface Live {
	unit: string;
	image: string;
	release?: string;
	previous?: string;
	since?: number;
}
export interface Mark {
	id: string;
	unit?: string;
	image?: string;
	actor?: string;
	reason?: string;
	release?: string;
	incident?: string;
	since?: number;
	until?: number;
}
export interface Environment {
	id: string;
	stage: Stage;
	live?: Live[];
	pins?: Mark[];
	vetoes?: Mark[];
	holds?: Mark[];
	queue?: string[]; // release ids
	active?: string;
}
export interface Incident {
	id: string;
	state: IncidentState;
	title?: string;
	unit?: string;
	environment?: string;
	image?: string;
	release?: string;
	rollout?: string;
	run?: string;
	runbook?: string;
	timeline?: { at: number; actor?: string; text?: string }[];
	opened_at?: number;
	mitigated_at?: number;
	closed_at?: number;
	revert?: string; // the commit that took the change back in Git
	page?: string; // who is called
	paged?: boolean;
	deploys?: { rollout: string; unit: string; image: string; release?: string; state: RolloutState; at: number; ended_at?: number; returns?: boolean; suspect?: boolean; cause?: string }[];
}

// What status says of a run's jobs: fewer members than a job has.
export type StatusJob = Pick<Job, 'id' | 'unit' | 'name' | 'stage' | 'state' | 'why' | 'error' | 'attempt' | 'started_at' | 'ended_at' | 'junit'>;
export interface StatusRun extends Run {
	under_way?: boolean;
	counts?: Partial<Record<Stage, Partial<Record<JobState, number>>>>;
	job_list?: StatusJob[];
}
export interface Status {
	version: string;
	now: number;
	started: number;
	seq: number;
	ready: boolean;
	stalled?: string;
	queue?: number;
	outbox?: number;
	project?: { id: string; name?: string; slots?: number; running?: number; runs?: number };
	runs: StatusRun[];
	releases: Release[];
	rollouts: Rollout[];
	environments: Environment[];
	incidents: Incident[];
}

export interface ReportTest {
	name: string;
	class?: string;
	file?: string;
	line?: number;
	usec?: number;
	outcome?: 'failed' | 'skipped'; // absent: passed
	message?: string;
	text?: string;
}
export interface Annotation {
	path?: string;
	line?: number;
	column?: number;
	level?: 'warning' | 'error'; // absent: notice
	rule?: string;
	message?: string;
	source?: string;
}
export interface JobReport {
	job: string;
	tests_run?: number;
	tests_failed?: number;
	tests_skipped?: number;
	tests?: ReportTest[];
	errors?: number;
	warnings?: number;
	annotations?: Annotation[];
	lines?: number;
	covered?: number;
	coverage?: { path: string; lines?: number; covered?: number }[];
	summary?: string;
	cause?: string;
	step?: string;
}
export interface RunReport {
	run: string;
	jobs: { id: string; unit?: string; name: string; state: JobState; error?: string; junit?: Junit; report?: JobReportRef }[];
	tests: number;
	failed: number;
	skipped: number;
	errors: number;
	warnings: number;
	coverage?: { lines: number; covered: number; share: number; base?: number; change?: number };
	failed_tests: { job: string; test: ReportTest }[];
	annotations: { job: string; annotation: Annotation }[];
}
export interface JobKey {
	job: string;
	key: string;
	same: boolean;
	key_now: string;
	lines: string[];
}
export interface History {
	id: string; // "orders/test", "-/e2e"
	usec?: number;
	runs?: number;
	failed?: number;
	flaky?: number;
	cached?: number;
	tests?: { test: string; job?: string; count?: number; last_at?: number }[];
}
export interface Quarantine {
	test: string;
	unit?: string;
	owner?: string;
	reason?: string;
	until?: number;
	over?: boolean;
	by?: string;
}
export interface TestsOverview {
	quarantine: Quarantine[];
	flaky: { test: string; job: string; count: number; last_at: number; last_job?: string }[];
}
export interface TestOutcome {
	run: string;
	job: string;
	outcome: 'passed' | 'failed' | 'skipped';
	at?: number;
	usec?: number;
	ref?: string;
	commit?: string;
	subject?: string;
	message?: string;
}
export interface TestHistory {
	unit: string;
	job: string;
	test: string;
	outcomes: TestOutcome[]; // newest first
	runs: number;
	reports: number;
	lost?: number;
	more?: boolean;
}
export interface LogLine {
	n: number;
	t?: number;
	step?: string;
	text: string;
	cut?: boolean;
}

// Who asks.
export type Role = 'viewer' | 'developer' | 'approver' | 'operator' | 'admin';
export interface Me {
	actor: string;
	name?: string;
	groups?: string[];
	roles?: { role: Role; environment?: string }[];
	role?: Role;
	csrf?: string;
	via?: string;
}
export interface LoginWays {
	token?: boolean;
	oidc?: { name: string };
}

// A record of the journal; payload's members depend on the type (src/core/event.h).
export interface JournalRecord {
	seq: number;
	time: number;
	actor: string;
	subject: string;
	type: string;
	payload?: Record<string, unknown>;
}

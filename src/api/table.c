/* The rows. In a group the more special path stands first: the first one that fits counts. */
#include "api/audit.h"
#include "api/reads.h"

#define ID_MAX    200
#define QUERY_MAX 1000 /* of a text in a query: the server's buffer of a request has to hold it escaped */
#define NAMES_MAX 4096

#define TEXT(n, h)                                      \
	{                                               \
		n, FIELD_TEXT, false, NOTE_MAX, NULL, h \
	}
#define TEXT_NEEDED(n, h)                              \
	{                                              \
		n, FIELD_TEXT, true, NOTE_MAX, NULL, h \
	}
#define LONG(n, h)                                       \
	{                                                \
		n, FIELD_TEXT, false, QUERY_MAX, NULL, h \
	}
#define SHORT(n, h)                                   \
	{                                             \
		n, FIELD_TEXT, false, ID_MAX, NULL, h \
	}
#define SHORT_NEEDED(n, h)                           \
	{                                            \
		n, FIELD_TEXT, true, ID_MAX, NULL, h \
	}
#define TRUTH(n, h)                              \
	{                                        \
		n, FIELD_BOOL, false, 0, NULL, h \
	}
#define NUMBER(n, m, h)                            \
	{                                          \
		n, FIELD_NUMBER, false, m, NULL, h \
	}
#define TIME(n, h)                               \
	{                                        \
		n, FIELD_TIME, false, 0, NULL, h \
	}
#define SPAN(n, h)                               \
	{                                        \
		n, FIELD_SPAN, false, 0, NULL, h \
	}
#define TEXTS(n, h)                                    \
	{                                              \
		n, FIELD_TEXTS, false, ID_MAX, NULL, h \
	}
#define ROLE(n, h)                                \
	{                                         \
		n, FIELD_NAME, false, 0, roles, h \
	}
#define END                                            \
	{                                              \
		NULL, FIELD_TEXT, false, 0, NULL, NULL \
	}
#define F(...) ((const struct api_field[]){__VA_ARGS__, END})

static const char *const roles[] = {"viewer", "developer", "approver", "operator", "admin", NULL};
static const char *const sorts[] = {"id",       "-id",       "created", "-created",
				    "duration", "-duration", NULL};
static const char *const up_sorts[] = {"id", NULL};
static const char *const id_sorts[] = {"id", "-id", NULL};
static const char *const made_sorts[] = {"id", "-id", "created", "-created", NULL};
static const char *const unit_kinds[] = {"service", "library", NULL};
static const char *const change_kinds[] = {"push", "pull_request", "merge_queue", "tag",
					   "schedule", "person", NULL};
static const char *const answers[] = {"wait", "pass", "fail", NULL};
static const char *const exports[] = {"ndjson", "cdevents", NULL};
static const char *const formats[] = {"raw", "text", "json", NULL};
static const char *const diffs[] = {"now", "before", NULL};
static const char *const stages[] = {"ci", "staging", "gate", "production", NULL};

#define PAGE                                                   \
	NUMBER("limit", WIRE_LIST_MAX, "at most so many; 20"), \
		SHORT("cursor", "the next page: as the page before said")
#define SORT                                                                                   \
	{                                                                                      \
		"sort", FIELD_NAME, false, 0, sorts, "-id, newest first, when it is not given" \
	}
#define BETWEEN                                                                       \
	NUMBER("since", INT64_MAX, "made then or later, in microseconds since 1970"), \
		NUMBER("until", INT64_MAX, "made before")
#define RUNS_QUERY                                                                           \
	F(PAGE, SORT, BETWEEN, SHORT("state", "of a run"), SHORT("repo", "a source's name"), \
	  SHORT("branch", "main"), SHORT("ref", "refs/heads/main"),                          \
	  SHORT("author", "name or address"),                                                \
	  SHORT("kind", "push, pull_request, merge_queue, tag, schedule"),                   \
	  SHORT("text", "in the subject, any case"))
#define RELEASES_QUERY                                                                           \
	F(PAGE, SORT, BETWEEN, SHORT("state", "of a release"), SHORT("repo", "a source's name"), \
	  SHORT("branch", "main"), SHORT("author", "name or address"),                           \
	  SHORT("unit", "a service of it"), SHORT("environment", "where it is, or went last"),   \
	  SHORT("run", "that it came of"), SHORT("text", "in the subject, any case"))
#define ROLLOUTS_QUERY                                                                           \
	F(PAGE, SORT, BETWEEN, SHORT("state", "of a rollout"), SHORT("environment", "its name"), \
	  SHORT("unit", "a service"), SHORT("release", "that it is of"))
#define INCIDENTS_QUERY                                                              \
	F(PAGE, SORT, BETWEEN, SHORT("state", "open, mitigated, closed"),            \
	  SHORT("environment", "its name"), SHORT("unit", "a service"),              \
	  SHORT("release", "that it is about"), SHORT("rollout", "that it came of"), \
	  SHORT("text", "in the title, any case"))
#define JOBS_QUERY                                                                        \
	F(PAGE, SHORT("run", "of this run"), SHORT("state", "of a job"),                  \
	  SHORT("stage", "ci, staging, gate, production"), SHORT("unit", "of this unit"), \
	  SHORT("name", "of the job"),                                                    \
	  {"sort", FIELD_NAME, false, 0, up_sorts,                                        \
	   "by id; newest first, or a run's by id, when it is not given"})
#define NAME_PAGES(n, order)                                                         \
	NUMBER("limit", WIRE_LIST_MAX, "at most so many; " n),                       \
		LONG("cursor", "the next page: the last name of the page before"), { \
		"sort", FIELD_NAME, false, 0, id_sorts, order                        \
	}
#define ALL_QUERY F(NAME_PAGES("1,000", "by name; in the order in which they came, when it is not given"))
#define MARKS_QUERY                                                                              \
	F(NAME_PAGES("1,000", "by id; in the order in which they came, when it is not given"), \
	  SHORT("unit", "that concern this service"))
#define MADE                                                                                        \
	{                                                                                           \
		"sort", FIELD_NAME, false, 0, made_sorts, "-id, newest first, when it is not given" \
	}
#define UNITS_QUERY                                                            \
	F(NAME_PAGES("20", "by name; id, when it is not given"),               \
	  {"kind", FIELD_NAME, false, 0, unit_kinds, "only services, or libraries"}, \
	  SHORT("text", "in the name or the path, any case"))
#define CHANGES_QUERY                                                                        \
	F(PAGE, MADE, BETWEEN, SHORT("repo", "a source's name"), SHORT("branch", "main"),    \
	  SHORT("ref", "refs/heads/main"), SHORT("author", "name or address"),               \
	  {"kind", FIELD_NAME, false, 0, change_kinds, "of one of its runs"},                \
	  SHORT("text", "in the subject, any case"))
#define ARTIFACTS_QUERY                                                                           \
	F(PAGE, MADE, SHORT("unit", "of this service"),                                           \
	  SHORT("environment", "that it is live in, or was"), SHORT("release", "that holds it"),  \
	  SHORT("run", "whose release holds it"), TRUTH("live", "only what is live somewhere now"))
#define VERDICTS_QUERY                                                                       \
	F(NUMBER("limit", WIRE_LIST_MAX, "at most so many; 100"),                            \
	  NUMBER("cursor", INT64_MAX, "the next page: as the page before said"),             \
	  {"answer", FIELD_NAME, false, 0, answers, "only these"},                           \
	  NUMBER("step", UINT32_MAX, "only of this step, from 1"))
#define LIFTED F(LONG("reason", "stands in the journal"))
#define REASON    F(TEXT("reason", "stands in the journal"))
#define UNTIL     TIME("until", "it ends then"), SPAN("for", "it ends after so long")
#define UNIT_IMAGE                  \
	SHORT("unit", "a service"), \
		SHORT("image", "a digest, its beginning, or a release that holds it")
#define MARK(...) F(__VA_ARGS__, UNTIL, TEXT("reason", "stands in the journal"))
#define LOG_QUERY                                                                     \
	F(NUMBER("from", INT64_MAX - 1, "first byte"),                                \
	  TRUTH("follow", "go on until the job ends"),                                \
	  {"format", FIELD_NAME, false, 0, formats, "json: a line for each line"},    \
	  SHORT("step", "only this step"), NUMBER("tail", 1000000, "the last lines"), \
	  TRUTH("timestamps", "a time before each line"),                             \
	  SHORT("search", "only lines with this text, or /expression/"))
#define JOURNAL_QUERY                                                                             \
	F(NUMBER("from", INT64_MAX, "first record's number"),                                     \
	  NUMBER("limit", INT64_MAX, "at most so many; 0: all"),                                  \
	  NUMBER("last", WIRE_LIST_MAX, "only the newest"),                                       \
	  TRUTH("follow", "go on with new ones"), SHORT("type", "such as job.ended or person.*"), \
	  SHORT("subject", "such as run-7 or run-7*"))
#define AUDIT_RANGE                                                                \
	NUMBER("from", INT64_MAX, "first record's number"),                        \
		NUMBER("to", INT64_MAX, "last record's number"),                   \
		NUMBER("since", INT64_MAX, "not older, in microseconds since 1970"), \
		NUMBER("until", INT64_MAX, "older than this")
#define AUDIT_QUERY                                                                            \
	F(PAGE, AUDIT_RANGE, SHORT("actor", "such as user:ann or token:*"),                    \
	  SHORT("subject", "such as run-7 or run-7*"), SHORT("type", "such as person.*"),       \
	  SHORT("search", "a text anywhere in it, any case"),                                  \
	  TRUTH("decisions", "only what a person or the system decided"))
#define EVENTS_QUERY                                      \
	F(SHORT("type", "such as job.ended or person.*"), \
	  SHORT("subject", "such as run-7 or run-7*"),    \
	  NUMBER("from", INT64_MAX,                       \
		 "first record's number; not given: from now on, or behind Last-Event-ID"))

/* clang-format off */
const struct api_route api_routes[] = {
	{"GET",    WIRE_STATUS,                      get_status,         ROLE_VIEWER,    OF_PROJECT,     0, "Status",       NULL, NULL, "everything that is under way, and the newest that ended"},
	{"GET",    WIRE_ME,                          get_me,             ROLE_NONE,      OF_SELF,        ROUTE_SECRET, "Me", NULL, NULL, "who asks, with which rights"},
	{"GET",    WIRE_BASE "/{a:runs}",            get_list,           ROLE_VIEWER,    OF_PROJECT,     0, "[]Run",         RUNS_QUERY, NULL, "runs, newest first"},
	{"GET",    WIRE_BASE "/{a:releases}",        get_list,           ROLE_VIEWER,    OF_PROJECT,     0, "[]Release",     RELEASES_QUERY, NULL, "releases, newest first"},
	{"GET",    WIRE_BASE "/{a:rollouts}",        get_list,           ROLE_VIEWER,    OF_PROJECT,     0, "[]Rollout",     ROLLOUTS_QUERY, NULL, "rollouts, newest first"},
	{"GET",    WIRE_BASE "/{a:incidents}",       get_list,           ROLE_VIEWER,    OF_PROJECT,     0, "[]Incident",    INCIDENTS_QUERY, NULL, "incidents, newest first"},
	{"GET",    WIRE_BASE "/{a:environments}",    get_named,          ROLE_VIEWER,    OF_PROJECT,     0, "[]Environment", ALL_QUERY,  NULL, "environments"},
	{"GET",    WIRE_BASE "/{a:agents}",          get_named,          ROLE_VIEWER,    OF_PROJECT,     0, "[]Agent",       ALL_QUERY,  NULL, "machines that run jobs, with what they have and what is in use"},
	{"GET",    WIRE_BASE "/{a:queues}",          get_named,          ROLE_VIEWER,    OF_PROJECT,     0, "[]Queue",       ALL_QUERY,  NULL, "merge queues, with their entries"},
	{"GET",    WIRE_BASE "/{a:history}",         get_named,          ROLE_VIEWER,    OF_PROJECT,     0, "[]History",     ALL_QUERY,  NULL, "what is known of each unit's jobs: how long they take, their flaky tests"},
	{"GET",    WIRE_SCHEDULES,                   get_schedules,      ROLE_VIEWER,    OF_PROJECT,     0, "object",        ALL_QUERY, NULL, "runs by the clock: when each is due next, what became of the last time"},
	{"GET",    WIRE_BASE "/{a:agents}/{b}",      get_thing,          ROLE_VIEWER,    OF_PROJECT,     0, "Agent",         NULL, NULL, "one agent"},
	{"GET",    WIRE_BASE "/{a:queues}/{b+}",     get_thing,          ROLE_VIEWER,    OF_PROJECT,     0, "Queue",         NULL, NULL, "one merge queue: REPO:refs/heads/BRANCH"},
	{"GET",    WIRE_BASE "/{a:history}/{b+}",    get_thing,          ROLE_VIEWER,    OF_PROJECT,     0, "History",       NULL, NULL, "one job's history: UNIT/JOB, -/JOB of the project"},
	{"GET",    WIRE_BASE "/{a:runs}/{b}",        get_thing,          ROLE_VIEWER,    OF_PROJECT,     0, "Run",           NULL, NULL, "one run, also an ended one"},
	{"GET",    WIRE_BASE "/{a:releases}/{b}",    get_thing,          ROLE_VIEWER,    OF_PROJECT,     0, "Release",       NULL, NULL, "one release"},
	{"GET",    WIRE_BASE "/{a:rollouts}/{b}",    get_thing,          ROLE_VIEWER,    OF_PROJECT,     0, "Rollout",       NULL, NULL, "one rollout"},
	{"GET",    WIRE_INCIDENTS "/{a}",            get_incident,       ROLE_VIEWER,    OF_PROJECT,     0, "Incident",      NULL, NULL, "one incident, with the deploys around it"},
	{"GET",    WIRE_INCIDENTS "/{a}/postmortem", get_postmortem,     ROLE_VIEWER,    OF_PROJECT,     0, "text/markdown", NULL, NULL, "a post-mortem for people to finish, as Markdown"},
	{"GET",    WIRE_INCIDENTS "/{a}/runbook",    get_runbook,        ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "the runbook of its service, as it stood in the commit that hurt"},
	{"GET",    WIRE_INSIGHTS,                    get_insights,       ROLE_VIEWER,    OF_PROJECT,     0, "object",        F(NUMBER("since", INT64_MAX, "30 days before until, in microseconds since 1970"), NUMBER("until", INT64_MAX, "now"), SHORT("unit", "of this service"), SHORT("environment", "deployments to it; production")), NULL, "DORA's five measures, time by stage, caches, queues, flaky tests, slow jobs"},
	{"GET",    WIRE_DOCTOR,                      get_doctor,         ROLE_OPERATOR,  OF_PROJECT,     0, "object",        NULL, NULL, "is this installation well: the machine, the journal, the outbox, agents"},
	{"GET",    WIRE_SEARCH,                      get_search,         ROLE_VIEWER,    OF_PROJECT,     0, "object",        F(SHORT_NEEDED("q", "an id, a number, the beginning of a commit, part of a name or subject"), NUMBER("limit", 50, "of each kind; 10")), NULL, "ids, commits, branches, services, subjects"},
	{"GET",    WIRE_BASE "/{a:environments}/{b}", get_thing,         ROLE_VIEWER,    OF_PROJECT,     0, "Environment",   NULL, NULL, "one environment"},
	{"GET",    WIRE_ROLLOUTS "/{a}/curves",      get_curves,         ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "its two curves with the verdict's numbers, and who decided what"},
	{"GET",    WIRE_GRAPH,                       get_graph,          ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "services and libraries, what they need of one another, what is live"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/history", get_environment_history, ROLE_VIEWER, OF_PROJECT,   0, "object",        F(PAGE, SHORT("unit", "of this service")), NULL, "which version of each service was live from when to when"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/compare", get_compare,        ROLE_VIEWER,    OF_PROJECT,     0, "object",        F(SHORT("with", "the other environment")), NULL, "what one environment has and the other has not"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/drift",   get_drift,          ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "what is desired in Git against what is live"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/windows", get_windows,        ROLE_VIEWER,    OF_PROJECT,     0, "object",        F(NUMBER("from", INT64_MAX / 2, "microseconds since 1970; now"), NUMBER("to", INT64_MAX, "14 days later")), NULL, "when releases may go there, as a calendar"},
	{"GET",    WIRE_RELEASES "/{a}/diff",        get_diff,           ROLE_VIEWER,    OF_PROJECT,     0, "object",        F(SHORT("environment", "where it would go; the next one"), {"with", FIELD_NAME, false, 0, diffs, "what it is compared with: what runs there, or what it replaced; before for what was rolled out"}), NULL, "what it will change, or changed: images, commits, files, penstock.yml, the plans' hashes"},
	{"GET",    WIRE_PROJECT,                     get_project,        ROLE_VIEWER,    OF_PROJECT,     0, "Project",       NULL, NULL, "the project: its repositories with their heads and the penstock.yml in force, its environments, what it counts"},
	{"GET",    WIRE_UNITS,                       get_units,          ROLE_VIEWER,    OF_PROJECT,     0, "[]Unit",        UNITS_QUERY, NULL, "services and libraries, with what they need and what is live"},
	{"GET",    WIRE_UNITS "/{a+}",               get_unit,           ROLE_VIEWER,    OF_PROJECT,     0, "Unit",          NULL, NULL, "one service or library"},
	{"GET",    WIRE_CHANGES,                     get_changes,        ROLE_VIEWER,    OF_PROJECT,     0, "[]Change",      CHANGES_QUERY, NULL, "commits on branches and heads of pull requests, with their runs, newest first"},
	{"GET",    WIRE_CHANGES "/{a}",              get_change,         ROLE_VIEWER,    OF_PROJECT,     0, "Change",        F(SHORT("repo", "of this source, when several have the commit")), NULL, "one change, by its commit or the first 7 digits or more"},
	{"GET",    WIRE_ARTIFACTS,                   get_artifacts,      ROLE_VIEWER,    OF_PROJECT,     0, "[]Artifact",    ARTIFACTS_QUERY, NULL, "images that releases hold, newest first"},
	{"GET",    WIRE_ARTIFACTS "/{a}",            get_artifact,       ROLE_VIEWER,    OF_PROJECT,     0, "Artifact",      NULL, NULL, "one image, by its digest or the first 12 hex digits or more"},
	{"GET",    WIRE_RUNS "/{a}/stages",          get_stages,         ROLE_VIEWER,    OF_PROJECT,     0, "[]Stage",       NULL, NULL, "the four stages of a change: where it stands, who or what each waits for"},
	{"GET",    WIRE_RELEASES "/{a}/gate",        get_gate,           ROLE_VIEWER,    OF_PROJECT,     0, "Gate",          NULL, NULL, "the rule of the gate, each requirement, each approval and whether it counts"},
	{"GET",    WIRE_RELEASES "/{a}/plans",       get_plans,          ROLE_VIEWER,    OF_PROJECT,     0, "[]Plan",        NULL, NULL, "what was planned for each of its services, and what is to come"},
	{"GET",    WIRE_ROLLOUTS "/{a}/plan",        get_plan,           ROLE_VIEWER,    OF_PROJECT,     0, "Plan",          NULL, NULL, "what was planned, with its hash: that very plan is carried out"},
	{"GET",    WIRE_ROLLOUTS "/{a}/verdicts",    get_verdicts,       ROLE_VIEWER,    OF_PROJECT,     0, "[]Verdict",     VERDICTS_QUERY, NULL, "what the verdict said, second by second, with its numbers, oldest first"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/pins",    get_marks,          ROLE_VIEWER,    OF_PROJECT,     0, "[]Mark",        MARKS_QUERY, NULL, "services that stay at a version"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/vetoes",  get_marks,          ROLE_VIEWER,    OF_PROJECT,     0, "[]Mark",        MARKS_QUERY, NULL, "digests that never come in again"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/holds",   get_marks,          ROLE_VIEWER,    OF_PROJECT,     0, "[]Mark",        MARKS_QUERY, NULL, "what does not move here"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/pins/{b}",   get_mark,        ROLE_VIEWER,    OF_PROJECT,     0, "Mark",          NULL, NULL, "one pin"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/vetoes/{b}", get_mark,        ROLE_VIEWER,    OF_PROJECT,     0, "Mark",          NULL, NULL, "one veto"},
	{"GET",    WIRE_ENVIRONMENTS "/{a}/holds/{b}",  get_mark,        ROLE_VIEWER,    OF_PROJECT,     0, "Mark",          NULL, NULL, "one hold"},
	{"GET",    WIRE_JOBS,                        get_jobs,           ROLE_VIEWER,    OF_PROJECT,     0, "[]Job",         JOBS_QUERY, NULL, "jobs, newest first, or a run's"},
	{"GET",    WIRE_RUNS "/{a}/jobs",            get_run_jobs,       ROLE_VIEWER,    OF_PROJECT,     0, "[]Job",         NULL, NULL, "a run's jobs"},
	{"GET",    WIRE_JOBS "/{a+}/log",            get_log,            ROLE_VIEWER,    OF_PROJECT,     0, "text/plain",    LOG_QUERY, NULL, "a job's log, also by Range"},
	{"GET",    WIRE_JOBS "/{a+}/report",         get_job_report,     ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "a job's tests, annotations, coverage, summary, likely cause"},
	{"GET",    WIRE_RUNS "/{a}/report",          get_run_report,     ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "the same of all jobs of a run, coverage with its change against the base"},
	{"GET",    WIRE_JOBS "/{a+}/key",            get_key,            ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "the lines that a job's key is made of, read again from its commit"},
	{"GET",    WIRE_TESTS,                       get_tests,          ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "tests in quarantine, and tests that were seen to be flaky"},
	{"GET",    WIRE_TESTS "/history",            get_test_history,   ROLE_VIEWER,    OF_PROJECT,     0, "object",        F(SHORT("unit", "of this one; of the project's own jobs, when not given"), SHORT_NEEDED("job", "its name, or its definition's"), TEXT_NEEDED("test", "class.name"), {"stage", FIELD_NAME, false, 0, stages, "ci"}, NUMBER("limit", 100, "at most so many outcomes; 20")), NULL, "what became of one test in the last runs that recorded it"},
	{"GET",    WIRE_BASE "/{a:jobs}/{b+}",       get_thing,          ROLE_VIEWER,    OF_PROJECT,     0, "Job",           NULL, NULL, "one job"},
	{"GET",    WIRE_JOURNAL,                     get_journal,        ROLE_VIEWER,    OF_PROJECT,     0, "application/x-ndjson", JOURNAL_QUERY, NULL, "records, a line each; with Accept: text/event-stream as events"},
	{"GET",    WIRE_AUDIT,                       get_audit,          ROLE_VIEWER,    OF_PROJECT,     0, "object",        AUDIT_QUERY, NULL, "the journal in sentences, newest first; a page looks at so many records (scanned) and says where the next goes on"},
	{"GET",    WIRE_AUDIT "/export",             get_audit_export,   ROLE_VIEWER,    OF_PROJECT,     ROUTE_PLAIN, "application/x-ndjson", F(AUDIT_RANGE, {"format", FIELD_NAME, false, 0, exports, "ndjson: the records and a trailer; cdevents"}), NULL, "the journal as a file; what `penstock audit verify --export` checks"},
	{"GET",    WIRE_AUDIT "/verify",             get_audit_verify,   ROLE_VIEWER,    OF_PROJECT,     ROUTE_PLAIN, "application/x-ndjson", F(AUDIT_RANGE), NULL, "the hash chain, archives first, checked here: lines of progress, the last one with ok, head, and where the first bad record is"},
	{"GET",    WIRE_EVENTS,                      get_events,         ROLE_VIEWER,    OF_PROJECT,     0, "text/event-stream", EVENTS_QUERY, NULL, "new records as server-sent events; Last-Event-ID goes on behind that one"},
	{"GET",    WIRE_RELEASES "/{a}/evidence",    get_evidence,       ROLE_VIEWER,    OF_PROJECT,     0, "object",        F(TRUTH("verify", "each is verified now")), NULL, "a release's envelopes"},
	{"GET",    WIRE_TRAFFIC,                     get_traffic,        ROLE_VIEWER,    OF_PROJECT,     0, "object",        F(SHORT("environment", "only this one")), NULL, "what each version's clients saw"},
	{"GET",    WIRE_REPLICAS,                    get_replicas,       ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "all replicas as last seen"},
	{"GET",    WIRE_DOORS,                       get_doors,          ROLE_VIEWER,    OF_PROJECT,     0, "object",        NULL, NULL, "where services are reached"},

	{"POST",   WIRE_RUNS "/{a}/abort",           post_abort_run,     ROLE_DEVELOPER, OF_PROJECT,     0, "Done", NULL, REASON, "stop a run"},
	{"POST",   WIRE_RUNS "/{a}/rerun",           post_rerun,         ROLE_DEVELOPER, OF_PROJECT,     0, "Rerun", NULL, REASON, "what did not pass, again"},
	{"POST",   WIRE_JOBS "/{a+}/start",          post_start_job,     ROLE_DEVELOPER, OF_PROJECT,     0, "Done", NULL, F(TRUTH("resume", "a failed one, again in its kept workspace"), TEXT("reason", "stands in the journal")), "a manual job"},
	{"POST",   WIRE_TESTS "/quarantine",         post_quarantine,    ROLE_DEVELOPER, OF_PROJECT,     0, "Done", NULL, F(SHORT_NEEDED("test", "class.name"), SHORT("unit", "only of this one"), SHORT("owner", "who mends it"), UNTIL, TEXT("reason", "stands in the journal"), TRUTH("lift", "take it out again")), "a test's failure fails nothing, until then"},
	{"POST",   WIRE_QUEUES,                      post_queue,         ROLE_DEVELOPER, OF_PROJECT,     0, "Done", NULL, F(SHORT("repo", "the only one, when not given"), SHORT("ref", "a branch"), SHORT("target", "the branch to land on"), SHORT("commit", "only when it still stands there"), SHORT("number", "of the request"), TRUTH("remove", "it is not wanted any more")), "merge it when it passes as it would land"},
	{"POST",   WIRE_HOOK,                        post_hook,          ROLE_DEVELOPER, OF_PROJECT,     ROUTE_PLAIN, "object", NULL, F(TEXT("repo", "path or name"), TEXTS("refs", "not believed: they are read again")), "a push happened"},
	{"POST",   WIRE_RUNS "/{a}/approve",         post_approve_run,   ROLE_APPROVER,  OF_PROJECT,     0, "Done", NULL, F(TRUTH("ok", "false: no"), TEXT("comment", "why")), "a change from a fork may run"},
	{"POST",   WIRE_RELEASES "/{a}/approve",     post_approve,       ROLE_APPROVER,  OF_RELEASE,     0, "Done", NULL, F(TRUTH("ok", "false: no"), TEXT("comment", "stands in the signed decision")), "a person's word at the gate"},
	{"POST",   WIRE_RELEASES "/{a}/abort",       post_abort_release, ROLE_OPERATOR,  OF_RELEASE,     0, "Done", NULL, REASON, "stop a release, and take back what it brought"},
	{"POST",   WIRE_ROLLOUTS "/{a}/promote",     post_promote,       ROLE_OPERATOR,  OF_ROLLOUT,     0, "Done", NULL, REASON, "the next step now, without waiting for the verdict"},
	{"POST",   WIRE_ROLLOUTS "/{a}/abort",       post_abort_rollout, ROLE_OPERATOR,  OF_ROLLOUT,     0, "Done", NULL, REASON, "stop a rollout: its traffic goes back at once"},
	{"POST",   WIRE_AGENTS "/{a}/drain",         post_drain,         ROLE_OPERATOR,  OF_PROJECT,     0, "Done", NULL, F(TRUTH("ok", "false: jobs again")), "no more jobs for an agent"},
	{"POST",   WIRE_ENVIRONMENTS "/{a}/rollback", post_rollback,     ROLE_OPERATOR,  OF_ENVIRONMENT, 0, "Done", NULL, MARK(UNIT_IMAGE), "a service goes back to its earlier version, or to a named one"},
	{"POST",   WIRE_ENVIRONMENTS "/{a}/pins",    post_pin,           ROLE_OPERATOR,  OF_ENVIRONMENT, 0, "Done", NULL, MARK(UNIT_IMAGE), "a service stays at a version"},
	{"POST",   WIRE_ENVIRONMENTS "/{a}/vetoes",  post_veto,          ROLE_OPERATOR,  OF_ENVIRONMENT, 0, "Done", NULL, MARK(UNIT_IMAGE), "a digest never comes in again"},
	{"POST",   WIRE_ENVIRONMENTS "/{a}/holds",   post_hold,          ROLE_OPERATOR,  OF_ENVIRONMENT, 0, "Done", NULL, MARK(SHORT("unit", "only this service")), "nothing moves here"},
	{"DELETE", WIRE_ENVIRONMENTS "/{a}/pins/{b}",   delete_pin,      ROLE_OPERATOR,  OF_ENVIRONMENT, 0, "Done", LIFTED, NULL, "lift a pin"},
	{"DELETE", WIRE_ENVIRONMENTS "/{a}/vetoes/{b}", delete_veto,     ROLE_OPERATOR,  OF_ENVIRONMENT, 0, "Done", LIFTED, NULL, "lift a veto"},
	{"DELETE", WIRE_ENVIRONMENTS "/{a}/holds/{b}",  delete_hold,     ROLE_OPERATOR,  OF_ENVIRONMENT, 0, "Done", LIFTED, NULL, "lift a hold"},
	{"POST",   WIRE_INCIDENTS "/{a}/note",       post_note,          ROLE_DEVELOPER, OF_INCIDENT,    0, "Done", NULL, F(TEXT_NEEDED("text", "a line of its timeline")), "add to an incident's timeline"},
	{"POST",   WIRE_INCIDENTS "/{a}/mitigate",   post_mitigate,      ROLE_OPERATOR,  OF_INCIDENT,    0, "Done", NULL, F(TEXT("text", "how")), "users are not hurt any more"},
	{"POST",   WIRE_INCIDENTS "/{a}/close",      post_close,         ROLE_OPERATOR,  OF_INCIDENT,    0, "Done", NULL, F(TEXT("text", "what came of it")), "an incident is over"},

	{"GET",    WIRE_LOGIN,                       get_login,          ROLE_NONE,      OF_SELF,        ROUTE_OPEN, "object", NULL, NULL, "the ways to log in"},
	{"POST",   WIRE_LOGIN,                       post_login,         ROLE_NONE,      OF_SELF,        ROUTE_OPEN | ROUTE_PLAIN, "Done", NULL, F(SHORT_NEEDED("token", "of the API")), "a browser's session, as a cookie"},
	{"GET",    WIRE_LOGIN "/oidc",               get_login_oidc,     ROLE_NONE,      OF_SELF,        ROUTE_OPEN, "303", F(TEXT("to", "the page to go back to")), NULL, "send the browser to the OpenID provider"},
	{"GET",    WIRE_LOGIN "/oidc/callback",      get_login_oidc_callback, ROLE_NONE, OF_SELF,        ROUTE_OPEN, "303", F(TEXT("state", "ours"), TEXT("code", "of the provider"), TEXT("iss", "who it is"), TEXT("error", "its word"), TEXT("error_description", "its text"), TEXT("error_uri", "not used"), TEXT("session_state", "not used"), TEXT("scope", "not used"), TEXT("authuser", "not used"), TEXT("prompt", "not used"), TEXT("hd", "not used")), NULL, "the browser comes back from there"},
	{"POST",   WIRE_BASE "/logout",              post_logout,        ROLE_NONE,      OF_SELF,        ROUTE_PLAIN, "Done", NULL, NULL, "end this session"},
	{"POST",   WIRE_ME "/session",               post_rotate,        ROLE_NONE,      OF_SELF,        ROUTE_PLAIN, "Done", NULL, NULL, "a new cookie for this session; the old one is void"},
	{"POST",   WIRE_LOGIN "/device",             post_device,        ROLE_NONE,      OF_SELF,        ROUTE_OPEN | ROUTE_PLAIN | ROUTE_SECRET, "object", NULL, F(SHORT("name", "of the token that is wanted: the machine's")), "a program asks for a token (RFC 8628): answers device_code, user_code, verification_uri"},
	{"POST",   WIRE_LOGIN "/device/token",       post_device_token,  ROLE_NONE,      OF_SELF,        ROUTE_OPEN | ROUTE_PLAIN | ROUTE_SECRET, "object", NULL, F(SHORT_NEEDED("device_code", "of the program")), "the program fetches its token once a person has said yes"},
	{"POST",   WIRE_LOGIN "/device/approve",     post_device_approve, ROLE_VIEWER,   OF_PROJECT,     ROUTE_PLAIN, "object", NULL, F(SHORT_NEEDED("user_code", "as the program shows it"), TRUTH("ok", "false: no")), "a person lets the program in"},
	{"GET",    WIRE_ME "/tokens",                get_my_tokens,      ROLE_NONE,      OF_SELF,        0, "[]Token", ALL_QUERY, NULL, "one's own tokens"},
	{"POST",   WIRE_ME "/tokens",                post_my_token,      ROLE_VIEWER,    OF_PROJECT,     ROUTE_SECRET, "Secret", NULL, F(SHORT_NEEDED("name", "of the token"), ROLE("role", "its upper limit; one's own role"), SHORT("environment", "for this one only"), UNTIL), "a token that acts as oneself"},
	{"DELETE", WIRE_ME "/tokens/{a}",            delete_my_token,    ROLE_NONE,      OF_SELF,        0, "Done", NULL, NULL, "revoke one's own token; by a token: itself, or what may do no more than it"},
	{"GET",    WIRE_BASE "/{a:users}",           get_named,          ROLE_ADMIN,     OF_PROJECT,     0, "[]User",  ALL_QUERY, NULL, "people"},
	{"POST",   WIRE_USERS,                       post_user,          ROLE_ADMIN,     OF_PROJECT,     0, "Done", NULL, F(SHORT_NEEDED("id", "behind user:"), SHORT("name", "as people write it"), SHORT("email", "as in commits: four eyes go by it"), TEXTS("groups", "what gate.approve.by and grants may name"), TRUTH("disabled", "may not come in")), "make or change a user"},
	{"GET",    WIRE_BASE "/{a:tokens}",          get_named,          ROLE_ADMIN,     OF_PROJECT,     0, "[]Token", ALL_QUERY, NULL, "all tokens, with their last use"},
	{"POST",   WIRE_TOKENS,                      post_token,         ROLE_ADMIN,     OF_PROJECT,     ROUTE_SECRET, "Secret", NULL, F(SHORT_NEEDED("name", "token:NAME acts"), ROLE("role", "what it may do"), SHORT("environment", "for this one only"), TEXTS("groups", "for gate.approve.by"), SHORT("scope", "instead of a role: trusted, pr/N (build caches), agent/NAME"), TRUTH("read_only", "with a scope"), SHORT("owner", "user:NAME that it acts as"), UNTIL), "a token; its secret is in the answer, and nowhere else"},
	{"DELETE", WIRE_TOKENS "/{a}",               delete_token,       ROLE_ADMIN,     OF_PROJECT,     0, "Done", NULL, NULL, "revoke a token, by id or by a machine's name"},
	{"GET",    WIRE_BASE "/{a:sessions}",        get_named,          ROLE_ADMIN,     OF_PROJECT,     0, "[]Session", ALL_QUERY, NULL, "browsers that are logged in"},
	{"DELETE", WIRE_SESSIONS "/{a}",             delete_session,     ROLE_ADMIN,     OF_PROJECT,     0, "Done", NULL, NULL, "log a browser out"},
	{"GET",    WIRE_BASE "/{a:grants}",          get_named,          ROLE_ADMIN,     OF_PROJECT,     0, "[]Grant", ALL_QUERY, NULL, "who has which role where"},
	{"POST",   WIRE_GRANTS,                      post_grant,         ROLE_ADMIN,     OF_PROJECT,     0, "Done", NULL, F(SHORT_NEEDED("who", "user:NAME or group:NAME"), {"role", FIELD_NAME, true, 0, roles, "what they may do"}, SHORT("environment", "only there"), SHORT("project", "only in this one")), "give a role"},
	{"DELETE", WIRE_GRANTS "/{a+}",              delete_grant,       ROLE_ADMIN,     OF_PROJECT,     0, "Done", NULL, NULL, "take a role back"},
	{"GET",    WIRE_SECRETS,                     get_secrets,        ROLE_ADMIN,     OF_PROJECT,     0, "object", NULL, NULL, "names of secrets, who gets each, which are missing; no value"},
	{"GET",    WIRE_NOTIFIERS,                   get_notifiers,      ROLE_VIEWER,    OF_PROJECT,     0, "object", NULL, NULL, "who is told of what goes wrong, as penstock.yml says"},
	{"GET",    WIRE_SETTINGS,                    get_settings,       ROLE_VIEWER,    OF_PROJECT,     0, "object", NULL, NULL, "what the daemon runs with: sizes, times, ports"},

	{"GET",    WORKLOAD_ISSUER_PATH,             get_workload_discovery, ROLE_NONE,  OF_SELF,        ROUTE_OPEN, "object", NULL, NULL, "who signs the tokens of jobs (OpenID discovery)"},
	{"GET",    WORKLOAD_KEYS_PATH,               get_workload_keys,  ROLE_NONE,      OF_SELF,        ROUTE_OPEN, "object", NULL, NULL, "by which keys (JWKS)"},
	{"GET",    WIRE_OPENAPI,                     get_openapi,        ROLE_NONE,      OF_SELF,        ROUTE_OPEN, "object", NULL, NULL, "this document"},
	{"GET",    WIRE_METRICS,                     get_metrics,        ROLE_NONE,      OF_SELF,        ROUTE_OPEN, "text/plain; version=0.0.4; charset=utf-8", NULL, NULL, "for Prometheus"},
	{"GET",    WIRE_HEALTHZ,                     get_healthz,        ROLE_NONE,      OF_SELF,        ROUTE_OPEN, "text/plain", NULL, NULL, "the process answers"},
	{"GET",    WIRE_READYZ,                      get_readyz,         ROLE_NONE,      OF_SELF,        ROUTE_OPEN, "text/plain", NULL, NULL, "changes can be taken"},
};
/* clang-format on */
const size_t api_n_routes = ARRAY_LEN(api_routes);
_Static_assert(ARRAY_LEN(api_routes) <= ROUTES_MAX, "room for the counts of each route");

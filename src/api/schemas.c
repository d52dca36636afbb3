/* Shapes that no aggregate has: what the routes that compute their answers write. One table for the OpenAPI document and for docs/api.md. */
#include "api/schemas.h"

#define TEXT(n, h)                \
	{                         \
		n, MEMBER_TEXT, h \
	}
#define NUMBER(n, h)                \
	{                           \
		n, MEMBER_NUMBER, h \
	}
#define REAL(n, h)                \
	{                         \
		n, MEMBER_REAL, h \
	}
#define TRUTH(n, h)               \
	{                         \
		n, MEMBER_BOOL, h \
	}
#define TEXTS(n, h)                \
	{                          \
		n, MEMBER_TEXTS, h \
	}
#define OBJECT(n, h)                \
	{                           \
		n, MEMBER_OBJECT, h \
	}
#define OBJECTS(n, h)                \
	{                            \
		n, MEMBER_OBJECTS, h \
	}
#define M(...) ((const struct api_member[]){__VA_ARGS__, {NULL, MEMBER_TEXT, NULL}})

const struct api_object api_objects[] = {
	{"Project",
	 M(TEXT("id", "project"), TEXT("name", "as penstock.yml has it"),
	   TEXT("version", "of the daemon"), NUMBER("slots", "jobs at a time, here"),
	   NUMBER("running", "jobs, now"),
	   OBJECTS("repositories",
		   "`name`, `address`, `heads` (`ref`, `commit`, `run`), `config` (`digest`, `commit`, `run`): the penstock.yml in force"),
	   TEXTS("environments", "names, in order of the way"), NUMBER("services", "in the graph"),
	   NUMBER("libraries", "in the graph"), NUMBER("runs", "ids given so far"),
	   NUMBER("releases", "ids given so far"), NUMBER("rollouts", "ids given so far"),
	   NUMBER("incidents", "ids given so far"))},
	{"Unit",
	 M(TEXT("id", "its name"), TEXT("kind", "`service`, `library`"),
	   TEXT("repo", "whose penstock.yml has it"), TEXT("path", "in the repository"),
	   NUMBER("level", "longest way down to a unit that needs nobody"),
	   NUMBER("wave", "of deployment, in its repository"), TEXTS("owners", ""),
	   TEXTS("provides", "interfaces"), TEXTS("consumes", "interfaces"),
	   OBJECTS("needs", "`unit`, `kind` (`dep`, `consumes`), `interface`"),
	   OBJECTS("needed_by", "the same"),
	   OBJECTS("live", "of a service: `environment`, `image`, `release`, `commit`, `since`"),
	   OBJECT("run", "the newest that it was affected in: `id`, `state`, `commit`, `at`"),
	   OBJECTS("incidents", "not closed: `id`, `state`, `title`, `environment`"),
	   OBJECTS("marks", "that concern it: shape Mark"))},
	{"Change",
	 M(TEXT("id", "the commit"), TEXT("commit", ""), TEXT("base", "what it is compared to"),
	   TEXT("repo", "a source's name"),
	   TEXT("kind",
		"of the newest run: `push`, `pull_request`, `merge_queue`, `tag`, `schedule`, `person`"),
	   TEXT("ref", "of the newest run"), TEXT("branch", "when the ref is one"),
	   TEXT("target", "the branch it wants to be on"), TEXT("number", "of the pull request"),
	   TEXT("author", ""), TEXT("email", ""), TEXT("subject", ""),
	   NUMBER("pushed_at", "when the ref moved"), TEXTS("heads", "refs that stand at it now"),
	   OBJECTS("runs",
		   "newest first, at most 50: `id`, `state`, `kind`, `ref`, `at`, `ended_at`, `release`"),
	   TRUTH("runs_more", "there are more than 50"), TEXT("state", "of the newest run"),
	   OBJECT("release", "the newest that came of it: `id`, `state`, `environment`"),
	   TEXT("stage", "that it has reached: `ci`, `staging`, `gate`, `production`"))},
	{"Artifact",
	 M(TEXT("id", "the digest"), TEXT("unit", "the service that it is the image of"),
	   TEXTS("units", "when it is that of several"), TEXT("run", "that brought it"),
	   TEXT("commit", "of that run"), NUMBER("at", "when its first release was made"),
	   OBJECTS("releases", "that hold it, newest first, at most 50: `id`, `state`"),
	   TRUTH("releases_more", "there are more than 50"),
	   OBJECTS("live", "where it is live: `environment`, `unit`, `release`, `since`"),
	   OBJECTS("was", "where it was: `environment`, `unit`, `rollout`, `since`, `until`"),
	   OBJECTS("moving",
		   "rollouts under way: `environment`, `unit`, `rollout`, `state`, `since`"),
	   OBJECTS("marks", "pins and vetoes of this digest: shape Mark"),
	   OBJECT("evidence",
		  "`count`, `types`, `release`, `href`: where each statement is read and verified"))},
	{"Stage",
	 M(TEXT("stage", "`ci`, `staging`, `gate`, `production`"),
	   TEXT("state",
		"`next`, `running`, `waiting`, `passed`, `failed`, `stopped`, `none` (it does not come so far)"),
	   NUMBER("began_at", ""), NUMBER("ended_at", ""), OBJECT("jobs", "how many, by state"),
	   NUMBER("done",
		  "of `of`: jobs of ci, services of staging and production, requirements of the gate"),
	   NUMBER("of", ""),
	   OBJECTS("waits",
		   "for whom or what: `kind`, `text`, `bad` (waiting alone will not end it), `by`, `since`, `until`, `job`, `rollout`, `release`"))},
	{"Gate",
	 M(TEXT("release", ""), TEXT("environment", "behind the gate"),
	   TEXT("state", "of the release"), TEXT("decision", "`wait`, `pass`, `no`"),
	   TEXT("by", "whose doing moved it last"), NUMBER("decided_at", "or last asked"),
	   TEXT("record", "digest of the signed decision"),
	   OBJECT("rule",
		  "`config`, `approve` (`count`, `by`, `not_author`, `expires`), `windows` (`kind`, `span`, `zone`), `require`"),
	   OBJECTS("requirements",
		   "`kind`, `state` (`ok`, `wait`, `no`), `reason`, `since`, `until`, `by`"),
	   NUMBER("wanted", "approvals"), NUMBER("given", "approvals that count"),
	   OBJECTS("approvals",
		   "`actor`, `yes`, `at`, `until`, `comment`, `note`, `behind`, `counts`, `why` it does not"))},
	{"Plan",
	 M(TEXT("rollout", ""), TEXT("release", ""), TEXT("environment", ""), TEXT("unit", ""),
	   TEXT("state", "of the rollout"), TRUTH("returns", "it brings back an earlier version"),
	   TEXT("image", ""), TEXT("previous", "what was live"), NUMBER("replicas", ""),
	   OBJECT("strategy", "`kind`, `steps`, `guard_error_rate`, `min_bake`, `max`"),
	   TEXT("hash", "that is carried out"), NUMBER("at", "when it was made"),
	   NUMBER("seq", "its record in the journal"),
	   TEXT("diff", "of the desired state; its beginning, from 64 KiB on"),
	   TEXT("problem", "why there is none"), TEXT("desired", "the commit in which it stands"))},
	{"Verdict",
	 M(NUMBER("seq", "of the record with the facts"), NUMBER("at", ""),
	   NUMBER("step", "from 1"), REAL("weight", "confirmed, 0..1"),
	   TEXT("answer", "`wait`, `pass`, `fail`"),
	   TEXT("metric", "that decides, or is least far"), TEXT("lane", ""),
	   REAL("evidence", "an e-value"), REAL("wanted", "what it is held against"),
	   NUMBER("need", "requests that are missing for a pass"), TEXT("harm_metric", ""),
	   TEXT("harm_lane", ""), REAL("harm_evidence", "an e-value"), REAL("harm_wanted", ""),
	   NUMBER("canary_n", "requests of the step so far"), NUMBER("canary_errors", ""),
	   NUMBER("stable_n", ""), NUMBER("stable_errors", ""))},
	{"Mark",
	 M(TEXT("id", ""), TEXT("kind", "`pin`, `veto`, `hold`"), TEXT("environment", ""),
	   TEXT("unit", "a hold without one holds everything"), TEXT("image", "of a pin, a veto"),
	   TEXT("actor", "who set it"), TEXT("reason", ""), TEXT("until_commit", "a pin"),
	   TEXT("release", "a veto: that it came of"), TEXT("incident", "a veto: that it came of"),
	   NUMBER("since", ""), NUMBER("until", "left out: until it is lifted"))},
	{NULL, NULL},
};

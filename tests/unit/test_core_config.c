/* penstock.yml: what is accepted, what stands for what is not written, and each refusal word for word. */
#include "core/config.h"
#include "unit.h"

#include <stdio.h>

#include "base/json.h"

static const char *zone_rule(const char *zone, void *ctx)
{
	(void)ctx;
	return streq(zone, "Europe/Berlin") ? "CET-1CEST,M3.5.0,M10.5.0/3"
	       : streq(zone, "Bad/Rule")    ? "nonsense"
					    : NULL;
}

static enum rc read_text(const char *text, struct config *ret, struct err *err)
{
	return config_read(str_of(text), "penstock.yml", zone_rule, NULL, ret, err);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r"); /* tests run in the root of the tree */
	char *text = xcalloc(1, 1 << 20);

	if (!f)
		fail_msg("cannot open %s", path);
	text[fread(text, 1, (1 << 20) - 1, f)] = 0;
	fclose(f);
	return text;
}

static void read_example(const char *path, struct config *ret)
{
	AUTO(freep) char *text = read_file(path);
	struct err err = {RC_OK, ""};

	if (read_text(text, ret, &err) != RC_OK)
		fail_msg("%s: %s", path, err.msg);
}

/* ---- what is refused: the text follows "version: 1" and "project: p", so that its first line is line 3 ---- */

#define UNITS \
	"services: {a: {path: a}, b: {path: b}}\nlibraries: {l: {path: l}}\n" /* lines 3 and 4 */
#define CI     UNITS "ci:\n"
#define D10(p) p "0," p "1," p "2," p "3," p "4," p "5," p "6," p "7," p "8," p "9,"
#define HUNDRED                                                                              \
	"[" D10("1") D10("2") D10("3") D10("4") D10("5") D10("6") D10("7") D10("8") D10("9") \
		D10("10") "]"

static const struct {
	const char *why, *text, *want;
} refused[] = {
	/* keys */
	{"unknown at the top", "servces: {}",
	 "penstock.yml:3:1: unknown key \"servces\"; did you mean \"services\"?"},
	{"unknown, nothing near", "xylophone: 1",
	 "penstock.yml:3:1: unknown key \"xylophone\"; the keys here are: version, project, include, templates, on, defaults, libraries, services, projects, quarantine, ci, staging, gate, "
	 "production, environments, notify"},
	{"unknown in a job", CI "  test: {run: x, timout: 5m}",
	 "penstock.yml:6:18: unknown key \"timout\" in job \"test\"; did you mean \"timeout\"?"},
	{"unknown in a nested map", CI "  test: {run: x, reports: {junt: x}}",
	 "penstock.yml:6:28: unknown key \"junt\" in reports of job \"test\"; did you mean \"junit\"?"},
	{"unknown in a stage", CI "  bugdet: 10m",
	 "penstock.yml:6:3: unknown key \"bugdet\" in ci; did you mean \"budget\"?"},
	{"a slip that looks like a job", "production:\n  strategie: {canary: {}}",
	 "penstock.yml:4:3: unknown key \"strategie\" in production; did you mean \"strategy\"?"},
	{"a job that is no map", CI "  frobnicate: make",
	 "penstock.yml:6:3: \"frobnicate\" in ci is no key of it, and a job must be a map, not text"},
	{"unknown in on.push", "on: {push: {branch: main}}",
	 "penstock.yml:3:13: unknown key \"branch\" in on.push; did you mean \"branches\"?"},
	{"unknown in a service", "services: {a: {path: a, prot: 1}}",
	 "penstock.yml:3:25: unknown key \"prot\" in service \"a\"; did you mean \"port\"?"},
	{"service key in a library", "libraries: {a: {path: a, port: 1}}",
	 "penstock.yml:3:26: unknown key \"port\" in library \"a\"; the keys here are: path, deps, owners"},
	{"twice", "on: {}\non: {}", "penstock.yml:4:1: "},
	{"control characters are not repeated", "\"a\\e[31m\": 1",
	 "penstock.yml:3:1: unknown key \"a?[31m\"; the keys"},
	/* designed, not built */
	{"contract", CI "  c: {run: x, contract: {}}",
	 "penstock.yml:6:15: \"contract\" in job \"c\" is not supported by this version of Penstock"},
	{"scan", CI "  c: {scan: [code]}",
	 "penstock.yml:6:7: \"scan\" in job \"c\" is not supported by this version of Penstock"},
	/* parts of a job */
	{"matrix", CI "  c: {run: x, matrix: {}}",
	 "penstock.yml:6:23: \"matrix\" in job \"c\" must be a map of at most 16 axes to lists of values, not a map"},
	{"matrix of a million",
	 CI "  c: {run: x, matrix: {a: " HUNDRED ", b: " HUNDRED ", c: " HUNDRED "}}",
	 "the matrix has 1000000 combinations; at most 256 are allowed"},
	{"matrix that excludes all", CI "  c: {run: x, matrix: {a: [1], exclude: [{a: 1}]}}",
	 "the matrix of job \"c\" excludes everything"},
	{"matrix row twice", CI "  c: {run: x, matrix: {a: [1], include: [{a: 2}, {a: 2}]}}",
	 "the matrix of job \"c\" has \"c@2\" twice"},
	{"matrix value", CI "  c: {run: x, matrix: {a: [\"x y\"]}}",
	 "\"x y\" cannot be a value of a matrix"},
	{"if", CI "  c: {run: x, if: yes}",
	 "penstock.yml:6:19: \"if\" of job \"c\" (yes): there is no name \"yes\" (at character 1)"},
	{"if of an axis", CI "  c: {run: x, if: matrix.db == '15'}",
	 "there is no name \"matrix.db\""},
	{"name in an env", CI "  c: {run: x, env: {A: \"${matrix.db}\"}}",
	 "\"${matrix.db}\" in job \"c\" is no name"},
	{"branch in an env", CI "  c: {run: x, env: {A: \"${branch}\"}}",
	 "\"${branch}\" in job \"c\" is no name"},
	{"steps and run", CI "  c: {run: x, steps: [{run: y}]}", "has both \"run\" and \"steps\""},
	{"exit code", CI "  c: {run: x, retry: {max: 1, exit: [0]}}",
	 "\"0\" is no exit code of a failure"},
	{"need of a later stage", CI "  c: {run: x, needs: [staging.e]}\nstaging:\n  e: {run: x}",
	 "cannot need \"staging.e\": only jobs of an earlier stage are named with their stage"},
	{"template", CI "  c: {run: x, extends: nod}\ntemplates: {node: {container: \"node:22\"}}",
	 "there is no template \"nod\"; did you mean \"node\"?"},
	{"templates in a circle",
	 CI "  c: {extends: a}\ntemplates: {a: {extends: b}, b: {extends: a}}",
	 "templates extend each other more than 8 deep, or in a circle"},
	{"wrong key in a template", "templates: {a: {rum: x}}",
	 "unknown key \"rum\" in template \"a\"; did you mean \"run\"?"},
	{"include that climbs", "include: [../x.yml]", "include \"../x.yml\""},
	{"include without a commit", "include: [lib//x.yml]", "is named with its whole commit"},
	{"moving tag", CI "  c: {run: x, container: \"node:latest\"}",
	 "a tag that moves makes no two runs alike"},
	{"cron", "on: {schedule: [{cron: \"61 * * * *\"}]}", "is no time of crontab"},
	{"quarantine without an owner", "quarantine: [{test: a, until: 2026-12-31}]", "\"owner\""},
	{"quarantine for ever", "quarantine: [{test: a, owner: b, until: never}]",
	 "must be a day such as 2026-12-31"},
	{"cache without key", CI "  c: {run: x, cache: [{paths: [a]}]}", "\"key\""},
	{"split of the project", CI "  p: {run: x, split: {into: 2, files: \"*\"}}",
	 "shares out files of a unit"},
	{"migrations", "services: {a: {path: a, migrations: {}}}",
	 "penstock.yml:3:25: \"migrations\" in service \"a\" is not supported by this version of Penstock"},
	{"findings", "gate: {require: [{findings: {max: high}}]}",
	 "penstock.yml:3:19: \"findings\" in gate.require is not supported by this version of Penstock"},
	{"kubernetes", "environments: {production: {target: kubernetes}}",
	 "penstock.yml:3:37: target \"kubernetes\" is not supported by this version of Penstock; use \"local\""},
	{"a list of waves", UNITS "production: {order: [[a], [b]]}",
	 "penstock.yml:5:22: a list of waves in \"order\" is not supported by this version of Penstock"},
	/* kinds */
	{"the file is a list", NULL,
	 "penstock.yml:1:1: the file must be a map that begins with \"version: 1\""},
	{"a map for a list", CI "  c: {run: x, needs: {a: b}}",
	 "penstock.yml:6:22: \"needs\" in job \"c\" must be a list of texts, not a map"},
	{"a list for text", CI "  c: {run: [x]}",
	 "penstock.yml:6:12: \"run\" in job \"c\" must be text, not a list"},
	{"text for a map", "services: auth",
	 "penstock.yml:3:11: \"services\" must be a map of names, not \"auth\""},
	{"text for a unit", "services: {a: x}",
	 "penstock.yml:3:15: service \"a\" must be a map, not text"},
	{"nothing for text", CI "  c: {run: }", "penstock.yml:6:"},
	{"quoted number", "services: {a: {path: a, port: \"80\"}}",
	 "penstock.yml:3:31: \"port\" in service \"a\" must be a whole number, not text in quotes"},
	{"yes is no truth", "production: {on_failure: {rollback: yes}}",
	 "penstock.yml:3:37: \"rollback\" in production.on_failure must be true or false, not \"yes\""},
	{"a map of maps for env", CI "  c: {run: x, env: {A: {b: c}}}",
	 "penstock.yml:6:24: \"env\" in job \"c\" must be text, not a map"},
	{"empty text", CI "  c: {run: \"\"}", "penstock.yml:6:12: \"run\" in job \"c\" is empty"},
	{"a control character", CI "  c: {run: \"a\\ab\"}",
	 "penstock.yml:6:12: \"run\" in job \"c\" holds a control character (0x07)"},
	{"NUL", CI "  c: {run: \"a\\0b\"}", "penstock.yml:6:12: "},
	/* numbers */
	{"no such port", "services: {a: {path: a, port: 70000}}",
	 "penstock.yml:3:31: \"port\" in service \"a\" must be between 1 and 65535, not 70000"},
	{"a huge number", "services: {a: {path: a, replicas: 99999999999999999999999}}",
	 "penstock.yml:3:35: \"replicas\" in service \"a\" must be a whole number, not \"99999999999999999999999\""},
	{"many replicas", "services: {a: {path: a, replicas: 4294967297}}",
	 "penstock.yml:3:35: \"replicas\" in service \"a\" must be between 1 and 100, not 4294967297"},
	{"no replicas", "services: {a: {path: a, replicas: 0}}",
	 "penstock.yml:3:35: \"replicas\" in service \"a\" must be between 1 and 100, not 0"},
	{"negative", "services: {a: {path: a, port: -1}}",
	 "penstock.yml:3:31: \"port\" in service \"a\" must be a whole number, not \"-1\""},
	{"a bare number is no time", CI "  c: {run: x, timeout: 10}",
	 "penstock.yml:6:24: \"timeout\" in job \"c\" must be a time such as 30s, 10m or 1h30m, not \"10\""},
	{"a long time", CI "  c: {run: x, timeout: 90d}",
	 "penstock.yml:6:24: \"timeout\" in job \"c\" must be between "},
	{"a size", CI "  c: {run: x, memory: lots}",
	 "penstock.yml:6:23: \"memory\" in job \"c\" must be a size such as 64Mi or 1Gi, not \"lots\""},
	{"a share above all", "production: {strategy: {canary: {guard: {error_rate: 500%}}}}",
	 "penstock.yml:3:54: \"error_rate\" in production.strategy.canary.guard must be a percentage such as 0.5%, not \"500%\""},
	{"a future version", NULL, "penstock.yml:1:10: \"version\" must be 1, not 2"},
	{"no version", NULL, "penstock.yml:1:1: \"version\" is missing: write \"version: 1\""},
	{"no project", NULL, "penstock.yml:1:1: \"project\" is missing: the name of the project"},
	/* names and paths */
	{"a bad name", "services: {Auth: {path: a}}",
	 "penstock.yml:3:12: \"Auth\" is no name: a name has 1 to 63 of a-z, 0-9, \"-\" and \"_\", with a letter or digit at both ends"},
	{"a path for a name", "services: {../a: {path: a}}",
	 "penstock.yml:3:12: \"../a\" is no name"},
	{"the name of a group", "services: {services: {path: a}}",
	 "penstock.yml:3:12: a unit cannot be called \"services\": \"each: services\" means all of them"},
	{"no path", "services: {a: {port: 80}}",
	 "penstock.yml:3:15: \"path\" in service \"a\" is missing: The folder"},
	{"up", "services: {a: {path: ../a}}", "penstock.yml:3:22: \"../a\": "},
	{"up, in the middle", "services: {a: {path: x/../../a}}",
	 "penstock.yml:3:22: \"x/../../a\": "},
	{"absolute", "services: {a: {path: /etc}}", "penstock.yml:3:22: \"/etc\": "},
	{"slash at the end", "services: {a: {path: a/}}",
	 "penstock.yml:3:22: \"a/\": a path has no \"/\" at its end"},
	{"Git's folder", "services: {a: {path: .git/hooks}}",
	 "penstock.yml:3:22: \".git/hooks\" is Git's own folder"},
	{"one path for two", "services: {a: {path: x}, b: {path: x}}",
	 "penstock.yml:3:36: units \"a\" and \"b\" have the same path \"x\""},
	{"one name in both maps", "libraries: {a: {path: x}}\nservices: {a: {path: y}}",
	 "penstock.yml:4:15: unit \"a\" stands twice: also in line 3"},
	{"names that become one variable", "services: {a-b: {path: x}, a_b: {path: y}}",
	 "penstock.yml:3:33: units \"a-b\" and \"a_b\" differ only in \"-\" and \"_\": their addresses would have one name"},
	{"an absolute output", CI "  c: {run: x, outputs: [/etc/passwd]}",
	 "penstock.yml:6:25: \"/etc/passwd\": "},
	{"an output outside", CI "  c: {run: x, outputs: [../x]}", "penstock.yml:6:25: \"../x\": "},
	{"an input outside", CI "  c: {each: a, run: x, inputs: [../../x]}",
	 "penstock.yml:6:33: input \"../../x\" leaves the repository (the unit is at \"a\")"},
	{"an input of the project outside", CI "  c: {run: x, inputs: [../x]}",
	 "penstock.yml:6:24: input \"../x\" leaves the repository (the unit is at \".\")"},
	{"the inputs of no unit", CI "  c: {run: x, inputs: [x, $default]}",
	 "penstock.yml:6:27: input \"$default\" is the folder of a unit and those of its deps: a job without \"each\""},
	{"up, later", CI "  c: {run: x, inputs: [a/../../x]}",
	 "penstock.yml:6:24: \"a/../../x\": "},
	{"a junit pattern outside", CI "  c: {run: x, reports: {junit: ../x}}",
	 "penstock.yml:6:32: \"../x\": "},
	{"bad braces", CI "  c: {run: x, inputs: [\"a{b\"]}", "penstock.yml:6:24: \"a{b\": "},
	{"health", "services: {a: {path: a, health: healthz}}",
	 "penstock.yml:3:33: \"healthz\" must be the path of a URL, such as /healthz"},
	{"a variable", CI "  c: {run: x, env: {A-B: c}}",
	 "penstock.yml:6:21: \"A-B\" is no name of a variable"},
	{"env and secrets", CI "  c: {run: x, env: {A: b}, secrets: {A: file:a}}",
	 "penstock.yml:6:6: variable \"A\" of job \"c\" stands in both env and secrets"},
	{"env and id_tokens", CI "  c: {run: x, env: {A: b}, id_tokens: {A: {aud: x}}}",
	 "penstock.yml:6:6: variable \"A\" of job \"c\" stands in both env and id_tokens"},
	{"secrets and id_tokens",
	 CI "  c: {run: x, secrets: {A: file:a}, id_tokens: {A: {aud: x}}}",
	 "penstock.yml:6:6: variable \"A\" of job \"c\" stands in both secrets and id_tokens"},
	{"a token's variable", CI "  c: {run: x, id_tokens: {A-B: {aud: x}}}",
	 "penstock.yml:6:27: \"A-B\" is no name of a variable"},
	{"a token for nobody", CI "  c: {run: x, id_tokens: {A: {}}}",
	 "penstock.yml:6:30: \"aud\" in id_token \"A\" is missing: "},
	{"a token for none of them", CI "  c: {run: x, id_tokens: {A: {aud: []}}}",
	 "id_token \"A\" is for 0 audiences: 1 to 16 are allowed"},
	{"a token for somebody with a blank", CI "  c: {run: x, id_tokens: {A: {aud: \"a b\"}}}",
	 "penstock.yml:6:36: \"a b\" is no audience: a text of at most 255 characters without blanks"},
	{"a token as text", CI "  c: {run: x, id_tokens: {A: x}}", "penstock.yml:6:30: "},
	{"a token's other keys", CI "  c: {run: x, id_tokens: {A: {aud: x, sub: y}}}",
	 "unknown key \"sub\""},
	{"an image job's token",
	 CI
	 "  c: {each: services, needs: [d], id_tokens: {A: {aud: x}}, image: {from: scratch, copy: {a: /a}, cmd: a}}\n  d: {each: \"*\", run: x}",
	 "job \"c\" packs an image and runs nothing: it has no \"id_tokens\""},
	{"a secret's value", CI "  c: {run: x, secrets: {A: hunter2}}",
	 "penstock.yml:6:28: a secret is given by reference, \"file:NAME\"; never write its value here"},
	{"a secret elsewhere", CI "  c: {run: x, secrets: {A: \"vault:x#y\"}}",
	 "penstock.yml:6:28: secrets from \"vault\" are not supported by this version of Penstock; use \"file:NAME\""},
	{"a secret's path", CI "  c: {run: x, secrets: {A: \"file:../x\"}}",
	 "penstock.yml:6:28: the name of a secret has"},
	/* the graph */
	{"unknown dep", "services: {auth: {path: a}, web: {path: b, deps: [aut]}}",
	 "penstock.yml:3:51: there is no unit \"aut\"; did you mean \"auth\"?"},
	{"itself", "services: {a: {path: a, deps: [a]}}",
	 "penstock.yml:3:32: unit \"a\" depends on itself"},
	{"a dep twice", UNITS "environments:\nnotify:\n", NULL},
	{"doubles", "libraries: {l: {path: l}}\nservices: {a: {path: a, deps: [l, l]}}",
	 "penstock.yml:4:35: \"l\" stands twice in \"deps\" in service \"a\""},
	{"a circle",
	 "libraries: {a: {path: a, deps: [b]}, b: {path: b, deps: [c]}, c: {path: c, deps: [a]}}",
	 "penstock.yml:3:16: the units depend on each other in a circle: a -> b -> c -> a"},
	{"a circle by interfaces",
	 "services: {a: {path: a, provides: x, consumes: y}, b: {path: b, provides: y, consumes: x}}",
	 "penstock.yml:3:15: the units depend on each other in a circle: a -> b -> a"},
	{"a circle by both",
	 "services: {a: {path: a, provides: x, deps: [b]}, b: {path: b, consumes: x}}",
	 "penstock.yml:3:15: the units depend on each other in a circle: a -> b -> a"},
	{"unknown interface",
	 "services: {a: {path: a, provides: pay-api}, b: {path: b, consumes: pay-apo}}",
	 "penstock.yml:3:68: there is no provider of interface \"pay-apo\"; did you mean \"pay-api\"?"},
	{"two providers", "services: {a: {path: a, provides: x}, b: {path: b, provides: x}}",
	 "penstock.yml:3:62: interface \"x\" is provided by both \"a\" and \"b\""},
	{"its own", "services: {a: {path: a, provides: x, consumes: x}}",
	 "penstock.yml:3:48: service \"a\" consumes what it provides itself"},
	/* jobs */
	{"nothing to do", CI "  c: {each: \"*\"}",
	 "penstock.yml:6:6: job \"c\" does nothing: it has neither \"run\", \"steps\" nor \"image\""},
	{"unknown need", CI "  build: {run: x}\n  c: {run: x, needs: [bild]}",
	 "penstock.yml:7:23: job \"c\" needs \"bild\", which is no job of stage ci; did you mean \"build\"?"},
	{"a need in another stage", CI "  c: {run: x}\nstaging: {d: {run: x, needs: [c]}}",
	 "penstock.yml:7:31: job \"d\" needs \"c\", which is no job of stage staging"},
	{"a need that not all have",
	 CI "  img: {each: services, run: x}\n  c: {each: \"*\", run: x, needs: [img]}",
	 "penstock.yml:7:34: job \"c\" of \"l\" needs job \"img\", which runs only for \"services\""},
	{"^ of the project", CI "  b: {each: \"*\", run: x}\n  c: {run: x, needs: [^b]}",
	 "penstock.yml:7:23: job \"c\" runs once for the project, which depends on no unit: write \"b\" without \"^\""},
	{"needs itself", CI "  c: {run: x, needs: [c]}",
	 "penstock.yml:6:6: the jobs need each other in a circle: c -> c"},
	{"a circle of jobs",
	 CI "  c: {run: x, needs: [d]}\n  d: {run: x, needs: [e]}\n  e: {run: x, needs: [c]}",
	 "penstock.yml:6:6: the jobs need each other in a circle: c -> d -> e -> c"},
	{"a circle through the project",
	 CI
	 "  p: {run: x, needs: [b]}\n  b: {each: \"*\", run: x, needs: [^c]}\n  c: {each: \"*\", run: x, needs: [p]}",
	 "penstock.yml:6:6: the jobs need each other in a circle: p -> b -> c -> p"},
	{"each", CI "  c: {each: service, run: x}",
	 "penstock.yml:6:13: \"each\" of job \"c\" must be \"*\", services, libraries or a unit, not \"service\"; did you mean \"services\"?"},
	{"an if about no unit", CI "  c:\n    run: x\n    if: branch == 'main' && affected('aip')",
	 "penstock.yml:8:9: \"if\" of job \"c\": there is no unit \"aip\" (at character 30)"},
	{"retry", CI "  c: {run: x, retry: {max: 1, on: [flaky]}}",
	 "penstock.yml:6:36: \"on\" in retry of job \"c\" must be infra, timeout, oom or any, not \"flaky\""},
	{"many retries", CI "  c: {run: x, retry: {max: 50}}",
	 "penstock.yml:6:28: \"max\" in retry of job \"c\" must be between 0 and 10, not 50"},
	/* images */
	{"latest",
	 CI "  c: {each: services, needs: [b], image: {from: \"debian:latest\", copy: {a: /a}}}",
	 "penstock.yml:6:49: \"debian:latest\": \":latest\" means another image tomorrow; an image is named by its digest"},
	{"another base", CI "  c: {each: services, needs: [b], image: {from: debian}}",
	 "penstock.yml:6:49: \"from: debian\" is not supported by this version of Penstock; use \"from: scratch\""},
	{"image of everything",
	 CI
	 "  b: {each: \"*\", run: x}\n  c: {each: \"*\", needs: [b], image: {from: scratch, copy: {a: /a}, entrypoint: /a}}",
	 "penstock.yml:7:6: job \"c\" packs an image: write \"each: services\""},
	{"image and run",
	 CI
	 "  c: {each: services, run: x, needs: [b], image: {from: scratch, copy: {a: /a}, entrypoint: /a}}",
	 "penstock.yml:6:28: job \"c\" packs an image and runs nothing: it has no \"run\""},
	{"image of nothing",
	 CI "  c: {each: services, image: {from: scratch, copy: {a: /a}, entrypoint: /a}}",
	 "penstock.yml:6:6: job \"c\" packs an image but needs no job whose outputs it could pack"},
	{"image without a program",
	 CI "  c: {each: services, image: {from: scratch, copy: {a: /a}}}",
	 "penstock.yml:6:30: image of job \"c\" has neither entrypoint nor cmd: nothing would run"},
	{"copy to a relative path",
	 CI "  c: {each: services, image: {from: scratch, copy: {a: app}}}",
	 "penstock.yml:6:56: \"app\" must be an absolute path in the image, such as /app"},
	{"copy from outside", CI "  c: {each: services, image: {from: scratch, copy: {../a: /a}}}",
	 "penstock.yml:6:53: \"../a\": "},
	{"copy twice to one",
	 CI "  c: {each: services, image: {from: scratch, copy: {a: /a, b: /a}, entrypoint: /a}}",
	 "penstock.yml:6:30: image of job \"c\" copies twice to \"/a\""},
	{"user by name", CI "  c: {each: services, image: {from: scratch, user: root}}",
	 "penstock.yml:6:52: \"root\": a user is a number, such as 65532 or 65532:65532 (the image knows no names)"},
	{"image in staging",
	 UNITS
	 "staging:\n  c: {each: services, inputs: [x], image: {from: scratch, copy: {a: /a}, entrypoint: /a}}",
	 "penstock.yml:6:6: job \"c\" packs an image: that belongs to stage ci (build once, promote everywhere)"},
	/* deployment */
	{"steps shrink", "production: {strategy: {canary: {steps: [50%, 5%, 100%]}}}",
	 "penstock.yml:3:47: steps must grow: 5% is not more than the step before"},
	{"steps end early", "production: {strategy: {canary: {steps: [5%, 50%]}}}",
	 "penstock.yml:3:46: the last step must be 100%, not 50%"},
	{"no steps", "production: {strategy: {canary: {steps: []}}}",
	 "penstock.yml:3:41: \"steps\" must be a list of 1 to 20 percentages, such as [5%, 50%, 100%]"},
	{"a step of nothing", "production: {strategy: {canary: {steps: [0%, 100%]}}}",
	 "penstock.yml:3:42: steps must grow: 0% is not more than the step before"},
	{"two strategies", "production: {strategy: {canary: {}, rolling: {}}}",
	 "penstock.yml:3:24: a strategy is either \"rolling\" or \"canary\""},
	{"no such strategy", "production: {strategy: rollin}",
	 "penstock.yml:3:24: unknown key \"rollin\" in production.strategy; did you mean \"rolling\"?"},
	{"margins",
	 "production: {strategy: {canary: {compare: {p95: {margin: 1%}, p99: {margin: 2%}}}}}",
	 "penstock.yml:3:77: different margins for p50, p95 and p99 are not supported by this version of Penstock"},
	{"no margin", "production: {strategy: {canary: {compare: {error_rate: {margin: 0%}}}}}",
	 "penstock.yml:3:65: a margin of 0 would need endless traffic to prove: leave some room"},
	{"bake above max", "production: {strategy: {canary: {min_bake: 2h, max: 1h}}}",
	 "penstock.yml:3:44: \"min_bake\" is longer than \"max\""},
	{"unknown environment", "environments: {prod: {}}\nproduction: {environment: prd}",
	 "penstock.yml:4:27: there is no environment \"prd\"; did you mean \"prod\"?"},
	{"one environment", "staging: {environment: production}",
	 "penstock.yml:1:1: staging and production have one environment, \"production\""},
	{"unknown service in order", UNITS "production: {order: [a, b, c]}",
	 "penstock.yml:5:28: there is no service \"c\" to put in order"},
	{"a library in order", UNITS "production: {order: [a, b, l]}",
	 "penstock.yml:5:28: there is no service \"l\" to put in order"},
	{"left out", UNITS "production: {order: [a]}",
	 "penstock.yml:5:21: \"order\" leaves out service \"b\""},
	{"twice in order", UNITS "production: {order: [a, a, b]}",
	 "penstock.yml:5:25: service \"a\" stands twice in \"order\""},
	{"page nobody", "production: {on_failure: {page: nobody}}\nnotify: [{kind: log}]",
	 "penstock.yml:3:33: \"page\" names no notifier: there is no \"nobody\" in \"notify\""},
	{"runbook", "production: {on_failure: {runbook: \"docs/{unit}.md\"}}",
	 "penstock.yml:3:36: \"docs/{unit}.md\": the one place holder of a runbook is {service}"},
	{"runbook outside", "production: {on_failure: {runbook: ../x}}",
	 "penstock.yml:3:36: \"../x\": "},
	{"webhook without url", "notify: [{kind: webhook}]",
	 "penstock.yml:3:10: a webhook needs a \"url\""},
	{"webhook by another way", "notify: [{kind: webhook, url: \"file:///etc/passwd\"}]",
	 "penstock.yml:3:31: \"file:///etc/passwd\" must be a URL that begins with http:// or https://"},
	{"two of one name", "notify: [{kind: log}, {kind: log}]",
	 "penstock.yml:3:23: two notifiers are called \"log\": give each a \"name\""},
	{"a kind", "notify: [{kind: slack}]",
	 "penstock.yml:3:17: \"kind\" in notify must be webhook or log, not \"slack\""},
	/* the gate */
	{"two in one", "gate: {require: [{evidence: {}, reviews: {}}]}",
	 "penstock.yml:3:18: an entry of gate.require has one key, such as"},
	{"evidence of production", "gate: {require: [{evidence: {stages: [production]}}]}",
	 "penstock.yml:3:39: \"stages\" in gate.require.evidence must be ci or staging, not \"production\""},
	{"not whom", "gate: {approve: {not: bob}}",
	 "penstock.yml:3:23: \"not\" in gate.approve must be author, not \"bob\""},
	{"a window", "gate: {windows: [{deny: \"Fri 16:00\"}]}",
	 "penstock.yml:3:25: \"Fri 16:00\" is no window: write"},
	{"both", "gate: {windows: [{deny: \"Sat\", allow: \"Sun\"}]}",
	 "penstock.yml:3:18: a window has either \"deny\" or \"allow\""},
	{"neither", "gate: {windows: [{zone: UTC}]}",
	 "penstock.yml:3:18: a window has either \"deny\" or \"allow\""},
	{"no such zone", "gate: {windows: [{deny: Sat, zone: Mars/Base}]}",
	 "penstock.yml:3:36: there is no time zone \"Mars/Base\" here; write it as Europe/Berlin, or use UTC"},
	{"a zone's rule", "gate: {windows: [{deny: Sat, zone: Bad/Rule}]}",
	 "penstock.yml:3:36: time zone \"Bad/Rule\": "},
	/* YAML */
	{"an anchor", "on: &a {}", "penstock.yml:3:"},
	{"a tab", "ci:\n\tx: 1", "penstock.yml:4:"},
	{"cut short", "ci: {a: [", "penstock.yml:"},
	{"nothing", NULL, "penstock.yml:"},
};

static const char *whole(size_t i, char **owned)
{
	static const struct {
		const char *why, *text;
	} files[] = {
		{"the file is a list", "- a\n"},
		{"a future version", "version: 2\nproject: p\n"},
		{"no version", "project: p\n"},
		{"no project", "version: 1\n"},
		{"nothing", ""},
	};

	for (size_t k = 0; k < ARRAY_LEN(files); k++)
		if (!refused[i].text && streq(files[k].why, refused[i].why))
			return files[k].text;
	*owned = xasprintf("version: 1\nproject: p\n%s\n", refused[i].text);
	return *owned;
}

static void each_mistake_has_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		AUTO(freep) char *owned = NULL;
		AUTO(config_done) struct config c = {.project = NULL};
		struct err err = {RC_OK, ""};
		enum rc rc = read_text(whole(i, &owned), &c, &err);

		if (!refused[i].want) {
			CHECK_STR(err.msg, "", refused[i].why);
			continue;
		}
		CHECK(rc != RC_OK && rc == err.rc, refused[i].why);
		const char *at = strstr(err.msg, refused[i].want);
		bool whole_text = str_starts(str_of(refused[i].want), "penstock.yml:");
		CHECK(str_starts(str_of(err.msg), "penstock.yml:"), refused[i].why);
		if (!at || (whole_text && at != err.msg))
			fail_msg("%s: got <%s>, want <%s>", refused[i].why, err.msg,
				 refused[i].want);
		CHECK(c.project == NULL && c.units.n == 0, refused[i].why); /* untouched */
	}
}

static void a_secret_is_not_repeated(void **state)
{
	struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};

	(void)state;
	assert_int_equal(
		read_text("version: 1\nproject: p\nci: {c: {run: x, secrets: {A: hunter2}}}", &c,
			  &err),
		RC_INVALID);
	assert_null(strstr(err.msg, "hunter2"));
}

/* ---- what is accepted ---- */

static void what_is_not_written(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};

	(void)state;
	if (read_text(
		    "version: 1\nproject: p\nservices: {a: {path: a}}\nci: {b: {each: a, run: x}}\n",
		    &c, &err) != RC_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(c.branches.n, 1);
	assert_string_equal(c.branches.v[0], "main");
	assert_int_equal(c.units.v[0].replicas, 1);
	assert_false(c.units.v[0].library);
	assert_int_equal(c.jobs.v[0].timeout, 10 * USEC_MIN);
	assert_int_equal(c.jobs.v[0].retry.max, 0);
	assert_int_equal(c.jobs.v[0].stage, STAGE_CI);
	assert_true(c.rollback);
	assert_string_equal(c.staging_env, "staging");
	assert_string_equal(c.production_env, "production");
	assert_int_equal(c.environments.n, 2);
	assert_string_equal(c.environments.v[1].target, "local");
	assert_int_equal(c.staging_strategy.kind, STRATEGY_ROLLING);
	assert_int_equal(c.production_strategy.kind, STRATEGY_CANARY);
	assert_int_equal(c.production_strategy.steps.n, 3);
	assert_true(c.production_strategy.steps.v[0].share > 0.049 &&
		    c.production_strategy.steps.v[0].share < 0.051);
	assert_int_equal(c.gate.approve.count, 0);
}

static void check_full_units(const struct config *c)
{
	const struct unit *stock = config_unit(c, "stock");

	assert_int_equal(c->units.n, 5);
	for (size_t i = 1; i < c->units.n; i++)
		assert_true(strcmp(c->units.v[i - 1].name, c->units.v[i].name) < 0);
	assert_null(config_unit(c, "stoc"));
	assert_true(config_unit(c, "wire")->library);
	assert_int_equal(stock->port, 8081);
	assert_string_equal(stock->health, "/ready?deep=1");
	assert_int_equal(stock->replicas, 3);
	assert_int_equal(stock->memory, 256 << 20);
	assert_int_equal(stock->provides.n, 2);
	assert_int_equal(stock->env.n, 4);
	assert_string_equal(stock->env.v[0].key, "EMPTY");
	assert_string_equal(stock->env.v[0].value, "");
	assert_string_equal(stock->env.v[1].value, "3");
	assert_string_equal(stock->secrets.v[0].value, "file:stock.db");
	assert_string_equal(config_unit(c, "shop")->consumes.v[0], "stock-api");
}

static void check_full_jobs(const struct config *c)
{
	const struct job_def *build = config_job(c, STAGE_CI, "build"),
			     *image = config_job(c, STAGE_CI, "image");

	assert_int_equal(c->jobs.n, 6);
	assert_null(config_job(c, STAGE_STAGING, "build"));
	assert_string_equal(build->run, "make depend\nmake\n");
	assert_int_equal(build->timeout, 90 * USEC_MIN);
	assert_int_equal(build->finally.n, 2);
	assert_int_equal(build->id_tokens.n, 2);
	assert_string_equal(build->id_tokens.v[0].name, "CLOUD");
	assert_string_equal(build->id_tokens.v[0].aud.v[0], "https://sts.example");
	assert_string_equal(build->id_tokens.v[1].aud.v[1], "b");
	assert_int_equal(build->retry.max, 1);
	assert_int_equal(build->retry.on.n, 1);
	assert_string_equal(build->retry.on.v[0], "infra");
	assert_int_equal(build->memory, 1 << 30);
	assert_int_equal(config_job(c, STAGE_CI, "test")->memory, 512 << 20);
	assert_int_equal(config_job(c, STAGE_CI, "test")->timeout, 15 * USEC_MIN);
	assert_int_equal(config_job(c, STAGE_CI, "test")->retry.max, 0);
	assert_string_equal(config_job(c, STAGE_CI, "test")->reports.junit, "out/*.xml");
	assert_int_equal(config_job(c, STAGE_STAGING, "e2e")->retry.max, 3);
	assert_true(config_job(c, STAGE_CI, "prepare")->network);
	assert_null(config_job(c, STAGE_CI, "prepare")->each);
	assert_int_equal(image->kind, JOB_IMAGE);
	assert_int_equal(image->image.copy.n, 2);
	assert_string_equal(image->image.copy.v[1].value, "/srv/www");
	assert_string_equal(image->image.user, "65532:65532");
	assert_string_equal(image->image.cmd.v[1], "8080");
	assert_string_equal(image->image.workdir, "/srv/www");
}

static void check_full_deployment(const struct config *c)
{
	const struct strategy *s = &c->production_strategy;

	assert_int_equal(c->ci_budget, 20 * USEC_MIN);
	assert_string_equal(c->staging_env, "test-bed");
	assert_int_equal(c->staging_strategy.kind, STRATEGY_ROLLING);
	assert_int_equal(c->gate.require.n, 2);
	assert_true(c->gate.require.v[0].is_signed);
	assert_int_equal(c->gate.require.v[1].kind, REQUIRE_REVIEWS);
	assert_int_equal(c->gate.require.v[1].count, 2);
	assert_string_equal(c->gate.require.v[1].by.v[0], "owners");
	assert_true(c->gate.approve.not_author);
	assert_int_equal(c->gate.approve.expires, USEC_DAY);
	assert_int_equal(c->gate.windows.n, 2);
	assert_false(c->gate.windows.v[0].allow);
	assert_string_equal(c->gate.windows.v[0].rule, "CET-1CEST,M3.5.0,M10.5.0/3");
	assert_true(c->gate.windows.v[1].allow);
	assert_string_equal(c->gate.windows.v[1].zone, "UTC");
	assert_int_equal(s->kind, STRATEGY_CANARY);
	assert_true(s->compare_errors && s->compare_p50 && s->compare_p95 && s->compare_p99);
	assert_true(s->latency_margin > 0.19 && s->latency_margin < 0.21 &&
		    s->error_margin > 0.0049 && s->error_margin < 0.0051);
	assert_true(s->guard_error_rate > 0.049 && s->min_bake == 30 * USEC_SEC &&
		    s->max == 30 * USEC_MIN);
	assert_false(c->rollback);
	assert_int_equal(c->order.n, 3);
	assert_int_equal(c->environments.n, 2);
	assert_int_equal(c->notify.n, 2);
	assert_string_equal(c->notify.v[0].name, "log");
}

static void every_key(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};

	(void)state;
	read_example("tests/data/config/full.yml", &c);
	check_full_units(&c);
	check_full_jobs(&c);
	check_full_deployment(&c);
}

static void examples_are_accepted(void **state)
{
	static const char *const paths[] = {"examples/shop/penstock.yml",
					    "tests/data/config/full.yml",
					    "tests/data/config/minimal.yml"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		AUTO(config_done) struct config c = {.project = NULL};
		AUTO(config_done) struct config back = {.project = NULL};
		AUTO(strbuf_done) struct strbuf b = STRBUF(1 << 20);
		struct json_out o = JSON_OUT(&b);
		struct err err = {RC_OK, ""};

		read_example(paths[i], &c);
		shape_write(&o, NULL, &shape_config, &c);
		if (shape_parse(strbuf_str(&b), 1 << 20, &shape_config, &back, &err) != RC_OK)
			fail_msg("%s: %s", paths[i], err.msg);
		CHECK(shape_equal(&shape_config, &c, &back), paths[i]);
	}
}

static void many_units_are_refused_with_their_number(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4 << 20), a = STRBUF(4 << 20);
	AUTO(config_done) struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};

	(void)state;
	strbuf_adds(&b, "version: 1\nproject: p\nservices:\n");
	for (int i = 0; i < 100000; i++)
		strbuf_addf(&b, " u%d: {path: u%d}\n", i, i);
	assert_int_not_equal(config_read(strbuf_str(&b), "penstock.yml", NULL, NULL, &c, &err),
			     RC_OK);
	assert_true(strlen(err.msg) > 0);
	strbuf_adds(&a, "version: 1\nproject: p\nservices:\n");
	for (int i = 0; i < CONFIG_MAX_UNITS + 1; i++)
		strbuf_addf(&a, " u%d: {path: u%d}\n", i, i);
	assert_int_equal(config_read(strbuf_str(&a), "penstock.yml", NULL, NULL, &c, &err),
			 RC_INVALID);
	assert_string_equal(
		err.msg,
		"penstock.yml:4:2: \"services\" has 20001 entries; at most 20000 are allowed");
}

static void many_jobs_are_refused(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(1 << 20);
	AUTO(config_done) struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};

	(void)state;
	strbuf_adds(&b, "version: 1\nproject: p\nci:\n");
	for (int i = 0; i < CONFIG_MAX_JOBS + 1; i++)
		strbuf_addf(&b, " j%d: {run: x, needs: [j%d]}\n", i, i ? i - 1 : 0);
	assert_int_equal(config_read(strbuf_str(&b), "penstock.yml", NULL, NULL, &c, &err),
			 RC_INVALID);
	assert_non_null(strstr(err.msg, "there are more than 200 jobs"));
}

/* A circle through all jobs that are allowed: the walk must not leave its table. */
static void the_longest_circle(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(1 << 20);
	AUTO(config_done) struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};

	(void)state;
	strbuf_adds(&b, "version: 1\nproject: p\nci:\n");
	for (int i = 0; i < CONFIG_MAX_JOBS; i++)
		strbuf_addf(&b, " j%d: {run: x, needs: [j%d]}\n", i, (i + 1) % CONFIG_MAX_JOBS);
	assert_int_equal(config_read(strbuf_str(&b), "penstock.yml", NULL, NULL, &c, &err),
			 RC_INVALID);
	assert_non_null(strstr(err.msg, "in a circle: j0 -> j1 -> "));
}

static void services_may_share_a_port(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};

	(void)state;
	assert_int_equal(
		read_text(
			"version: 1\nproject: p\nservices: {a: {path: a, port: 80}, b: {path: b, port: 80}}",
			&c, NULL),
		RC_OK);
}

static void an_order_settles_a_circle_of_calls(void **state)
{
	AUTO(config_done) struct config c = {.project = NULL};
	struct err err = {RC_OK, ""};

	(void)state;
	if (read_text(
		    "version: 1\nproject: p\nservices:\n a: {path: a, provides: x, consumes: y}\n b: {path: b, provides: y, consumes: x}\n"
		    "production: {order: [b, a]}",
		    &c, &err) != RC_OK)
		fail_msg("%s", err.msg);
	assert_string_equal(c.order.v[0], "b");
}

/* Whatever somebody else wrote, the message fits and says where. */
static void long_texts_are_cut(void **state)
{
	static const char *const forms[] = {
		"services: {%s: {path: a}}",
		"services: {a: {path: %s}}",
		"services: {a: {path: /%s}}",
		"%s: 1",
		"services: {a: {path: a, deps: [%s]}}",
		"ci: {c: {run: x, needs: [%s]}}",
		"ci: {c: {run: x, inputs: [\"%s/../x\"]}}",
		"services: {a: {path: a}}\nci: {c: {each: %s, run: x}}",
		"ci: {c: {run: x, secrets: {A: \"file:%s\"}}}",
		"gate: {windows: [{deny: \"%s\"}]}",
		"gate: {windows: [{deny: Sat, zone: %s}]}",
		"production: {order: [%s]}",
		"production: {on_failure: {runbook: \"../%s\"}}",
		"staging: {environment: %s}",
		"project: %s",
	};
	char text[3001];

	(void)state;
	memset(text, 'x', 3000);
	text[3000] = 0;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(1 << 16);
		AUTO(config_done) struct config c = {.project = NULL};
		struct err err = {RC_OK, ""};
		const char *hole = strchr(forms[i], '%');

		strbuf_adds(&b, "version: 1\n");
		strbuf_adds(&b, i + 1 < ARRAY_LEN(forms) ? "project: p\n" : "");
		strbuf_add(&b, forms[i], (size_t)(hole - forms[i]));
		strbuf_adds(&b, text);
		strbuf_adds(&b, hole + 2);
		CHECK(config_read(strbuf_str(&b), "penstock.yml", NULL, NULL, &c, &err) ==
			      RC_INVALID,
		      forms[i]);
		CHECK(strncmp(err.msg, "penstock.yml:", 13) == 0 && strlen(err.msg) < 480,
		      forms[i]);
		if (strstr(err.msg, "in more words"))
			fail_msg("%s: %s", forms[i], err.msg);
	}
}

/* ---- the schema ---- */

static void schema_is_json_and_knows_every_key(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(1 << 20);
	AUTO(json_freep) struct json *root = NULL;
	struct err err = {RC_OK, ""};
	static const char *const words[] = {"on_failure", "min_bake", "entrypoint", "not",
					    "junit",      "consumes", "finally"};

	(void)state;
	config_schema(&b);
	if (json_read(strbuf_str(&b), 1 << 20, &root, &err) != RC_OK)
		fail_msg("%s", err.msg);
	assert_string_equal(json_get_text(root, "$schema", ""),
			    "https://json-schema.org/draft/2020-12/schema");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		AUTO(freep) char *key = xasprintf("\"%s\":{", words[i]);

		CHECK(strstr(strbuf_cstr(&b), key), words[i]);
	}
	assert_null(strstr(strbuf_cstr(&b), "\"migrations\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_has_its_line),
		cmocka_unit_test(a_secret_is_not_repeated),
		cmocka_unit_test(what_is_not_written),
		cmocka_unit_test(every_key),
		cmocka_unit_test(examples_are_accepted),
		cmocka_unit_test(many_units_are_refused_with_their_number),
		cmocka_unit_test(many_jobs_are_refused),
		cmocka_unit_test(the_longest_circle),
		cmocka_unit_test(services_may_share_a_port),
		cmocka_unit_test(an_order_settles_a_circle_of_calls),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(schema_is_json_and_knows_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The table of commands, in the order of `penstock --help`. */
#include "cli/commands.h"

const struct option common_options[] = {
	{"json", 0, NULL, "print JSON, for programs"},
	{"data", 0, "DIR",
	 "the data folder of the daemon ($PENSTOCK_DATA, ./.penstock, /var/lib/penstock)"},
	{"server", 0, "URL", "a daemon on TCP: http://127.0.0.1:7400"},
	{"token", 0, "TOKEN", "for --server ($PENSTOCK_TOKEN)"},
	{"help", 'h', NULL, "this text"},
	{0},
};

const struct command *const commands[] = {
	&cmd_status,        &cmd_logs, &cmd_report,           &cmd_why,
	&cmd_runs,          &cmd_releases,       &cmd_rollouts,
	&cmd_environments,  &cmd_approve,        &cmd_promote,
	&cmd_rollback,      &cmd_abort,          &cmd_rerun,
	&cmd_start,         &cmd_tests,          &cmd_quarantine,
	&cmd_pin,           &cmd_veto,           &cmd_hold,
	&cmd_incident,      &cmd_incident_list,  &cmd_incident_show,
	&cmd_incident_note, &cmd_incident_close, &cmd_audit_list,
	&cmd_audit_show,    &cmd_cache,          &cmd_cache_prune,
	&cmd_cache_token,   &cmd_cache_proxy,    &cmd_hook,
	&cmd_queue,         &cmd_queue_add,      &cmd_queue_remove,
	&cmd_agents,        &cmd_agents_drain,   &cmd_agents_undrain,
	&cmd_schedules,
	&cmd_version,
};
const size_t n_commands = ARRAY_LEN(commands);

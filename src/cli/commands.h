/* One line a command; each is defined in its cmd_<name>.c and stands in the table of commands.c. */
#pragma once
#include "cli/cli.h"

extern const struct command cmd_status, cmd_logs, cmd_report, cmd_why, cmd_runs, cmd_releases,
	cmd_rollouts, cmd_environments, cmd_approve, cmd_promote, cmd_rollback, cmd_abort,
	cmd_rerun, cmd_pin, cmd_veto, cmd_hold, cmd_incident, cmd_incident_list, cmd_incident_show,
	cmd_incident_note, cmd_incident_close, cmd_audit_list, cmd_audit_show, cmd_hook,
	cmd_version, cmd_cache, cmd_cache_prune, cmd_cache_token, cmd_cache_proxy, cmd_start,
	cmd_tests, cmd_quarantine, cmd_queue, cmd_queue_add, cmd_queue_remove, cmd_agents,
	cmd_agents_drain, cmd_agents_undrain, cmd_schedules, cmd_dora, cmd_token_create,
	cmd_token_list, cmd_token_revoke, cmd_whoami, cmd_user_set, cmd_user_list, cmd_grant,
	cmd_grant_list, cmd_ungrant, cmd_api, cmd_login, cmd_logout, cmd_incident_mitigate,
	cmd_incident_postmortem;

/* Groups, as they stand in `penstock --help`. */
#define GROUP_SEE    "See what happens"
#define GROUP_ACT    "Decide and act"
#define GROUP_AUDIT  "Audit"
#define GROUP_PEOPLE "Who may do what"
#define GROUP_CACHE  "The cache of build tools"
#define GROUP_OTHER  "Other"

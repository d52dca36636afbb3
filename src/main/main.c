/* penstock: one program, many commands. What they do stands in cli/ and in the tables that are put together here. */
#include "base/vec.h"
#include "cli/cli.h"
#include "main/cmd_dialect.h"
#include "main/container_commands.h"
#include "main/agent_command.h"
#include "main/demo_command.h"
#include "main/local.h"
#include "main/serve_command.h"

#include <signal.h>

int main(int argc, char **argv)
{
	VEC(struct command) more = {0};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < n_local_commands; i++)
		vec_push(&more, local_commands[i]);
	for (size_t i = 0; i < n_dialect_commands; i++)
		vec_push(&more, dialect_commands[i]);
	for (size_t i = 0; i < n_serve_commands; i++)
		vec_push(&more, serve_commands[i]);
	for (size_t i = 0; i < n_agent_commands; i++)
		vec_push(&more, agent_commands[i]);
	for (size_t i = 0; i < n_container_commands; i++)
		vec_push(&more, container_commands[i]);
	vec_push(&more, demo_command);
	int code = cli_main(argc, argv, more.v, more.n);
	vec_done(&more);
	return code;
}

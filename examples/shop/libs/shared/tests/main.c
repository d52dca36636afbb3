#include "shared/check.h"
#include "tests.h"

int main(void)
{
	static const struct check_case cases[] = {
		{ "builder", test_builder },
		{ "json", test_json },
		{ "requests", test_requests },
		{ "replies", test_replies },
		{ "headers", test_headers },
		{ "latency", test_latency },
		{ "keep_alive", test_keep_alive },
		{ "pipelined", test_pipelined },
		{ "hostile", test_hostile },
		{ "big_body", test_big_body },
		{ "many_clients", test_many_clients },
		{ "timeout", test_timeout },
		{ "drain", test_drain },
	};

	return check_main("shared", cases, sizeof(cases) / sizeof(cases[0]));
}

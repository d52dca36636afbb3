/* Recorded facts: what the quick reader takes, the real one takes, and both say the same. */
#include "main/facts_file.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};

	AUTO(facts_names_done) struct facts_names names = {0};
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		struct verdict_fact fact, quick = {.ms = -1}, slow = {.ms = -1};
		struct err err = {0};
		enum rc rc = facts_line(line, &names, &fact, &err);

		BUG_ON(rc != RC_OK && !*err.msg);
		if (!plain_line(line, &names, &quick))
			continue;
		if (any_line(line, &names, &slow, &err) != RC_OK)
			continue; /* a key twice: the quick one takes the last */
		BUG_ON(quick.t != slow.t || quick.canary != slow.canary ||
		       quick.instance != slow.instance || quick.status != slow.status ||
		       quick.ms != slow.ms);
	}
	return 0;
}

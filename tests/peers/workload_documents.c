/* tests/peers/workload_documents DATA ISSUER keys|discovery|rotate: the open documents of a data folder's workload key, as the daemon would serve them. */
#include "base/mem.h"
#include "clients/workload.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct workload *w = NULL;
	struct err err = {0};

	if (argc != 4) {
		fprintf(stderr, "workload_documents DATA ISSUER keys|discovery|rotate\n");
		return 2;
	}
	AUTO(freep) char *keys = xasprintf("%s/keys", argv[1]);
	enum rc rc = workload_new(keys, argv[2], &w, &err);
	if (rc == RC_OK && !strcmp(argv[3], "rotate"))
		rc = workload_rotate(w, &err);
	else if (rc == RC_OK && !strcmp(argv[3], "discovery"))
		workload_discovery(w, &text);
	else if (rc == RC_OK)
		rc = workload_keys(w, &text, &err);
	if (rc == RC_OK)
		printf("%s\n", strbuf_cstr(&text));
	else
		fprintf(stderr, "%s\n", err.msg);
	workload_free(w);
	return rc == RC_OK ? 0 : 1;
}

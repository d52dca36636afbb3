/* The note of what a job's caches are: whatever it says, nothing outside <data>/caches comes or goes but the job's own folders. */
#include "flow/2-build/exec_container.h"

#include "base/mem.h"
#include "io/files.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char folder[] = "/dev/shm/penstock-fuzz-XXXXXX";

	BUG_ON(!mkdtemp(folder));
	AUTO(freep) char *own = xasprintf("%s/data", folder), *job = xasprintf("%s/job", folder);
	AUTO(freep)
	char *work = xasprintf("%s/work/deps", job), *beside = xasprintf("%s/beside", folder);
	AUTO(freep) char *note = xasprintf("%s/caches.json", job);
	struct sandbox_exec x = {.data = own, .cache_max = 1000};

	BUG_ON(dir_make(own, 0700, NULL) != RC_OK || dir_make(work, 0700, NULL) != RC_OK ||
	       dir_make(beside, 0700, NULL) != RC_OK);
	/* %s in the note is the data folder: no fuzzer guesses its name. */
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 20);
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '%')
			strbuf_adds(&text, own);
		else
			strbuf_add(&text, (const char *)data + i, 1);
	}
	BUG_ON(file_write_fast(note, strbuf_str(&text), 0600, NULL) != RC_OK);
	caches_save(&x, job);
	BUG_ON(tree_remove(own, NULL) != RC_OK || tree_remove(job, NULL) != RC_OK);
	BUG_ON(rmdir(beside) != 0 || rmdir(folder) != 0); /* empty, and nothing else came */
	return 0;
}

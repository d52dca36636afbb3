#include "shared/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/text.h"

static char failure_buf[1024];
static struct text failure = { .p = failure_buf, .cap = sizeof(failure_buf) };
static unsigned failure_count;

bool check_that(bool ok, const char *what, const char *file, int line)
{
	if (!ok) {
		failure_count++;
		text_add(&failure, "%s:%d: %s\n", file, line, what);
	}
	return ok;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			fputs("&amp;", f);
		else if (*s == '<')
			fputs("&lt;", f);
		else if (*s == '>')
			fputs("&gt;", f);
		else if (*s == '"')
			fputs("&quot;", f);
		else if ((unsigned char)*s >= 0x20 || *s == '\n' || *s == '\t')
			fputc(*s, f);
	}
}

int check_main(const char *suite, const struct check_case *cases, size_t n)
{
	static char body[65536];
	size_t size = 0;
	unsigned failed = 0;
	double start = now();
	FILE *f = fmemopen(body, sizeof(body), "w");

	if (!f)
		return 1;
	for (size_t i = 0; i < n; i++) {
		double t = now();
		failure_count = 0;
		failure.n = 0;
		failure.failed = false;
		failure_buf[0] = '\0';
		cases[i].run();
		fprintf(f, "  <testcase classname=\"%s\" name=\"%s\" time=\"%.3f\"", suite,
			cases[i].name, now() - t);
		if (!failure_count) {
			fputs("/>\n", f);
			continue;
		}
		failed++;
		printf("FAILED %s.%s\n%s", suite, cases[i].name, failure_buf);
		fprintf(f, ">\n    <failure message=\"%u checks failed\">", failure_count);
		put_escaped(f, failure_buf);
		fputs("</failure>\n  </testcase>\n", f);
	}
	size = (size_t)ftell(f);
	bool ok = fclose(f) == 0 && size < sizeof(body);
	FILE *out = fopen("out/junit.xml", "w");
	if (!out || !ok) {
		fprintf(stderr, "%s: cannot write out/junit.xml\n", suite);
		if (out)
			fclose(out);
		return 1;
	}
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	fprintf(out, "<testsuite name=\"%s\" tests=\"%zu\" failures=\"%u\" time=\"%.3f\">\n", suite,
		n, failed, now() - start);
	fwrite(body, 1, size, out);
	fputs("</testsuite>\n", out);
	ok = fclose(out) == 0;
	printf("%s: %zu passed, %u failed\n", suite, n - failed, failed);
	return failed || !ok;
}

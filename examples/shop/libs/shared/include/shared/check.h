/* A test harness of one page: named cases, a report on the terminal, JUnit XML in out/junit.xml. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct check_case {
	const char *name;
	void (*run)(void);
};

#define CHECK(cond) check_that((cond), #cond, __FILE__, __LINE__)

/* Notes a failure of the case that runs; the case goes on. Returns `ok`. */
bool check_that(bool ok, const char *what, const char *file, int line);

/* Runs all cases; the exit status for main. */
int check_main(const char *suite, const struct check_case *cases, size_t n);

/* What `penstock doctor` looks at. */
#pragma once
#include "base/err.h"
#include <stdbool.h>

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_MISSING };
struct finding {
	enum health health;
	char says[400]; /* what is there, or what is wrong */
	char fix[300];  /* the exact thing to do; "" when all is well */
};
struct check {
	const char *name;
	void (*look)(const char *data, struct finding *ret);
};
extern const struct check doctor_checks[];
extern const unsigned n_doctor_checks;

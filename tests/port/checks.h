/* Checks of calls that return enum rc; the call names its error `&err`. */
#pragma once
#include "base/err.h"
#include "unit/unit.h"

#define OK(call)                                                                   \
	do {                                                                       \
		struct err err = {0};                                              \
		enum rc rc_ = (call);                                              \
		if (rc_ != RC_OK)                                                  \
			fail_msg("%s: %s: %s", #call, rc_name(rc_), err.msg);      \
		if (err.rc != RC_OK)                                               \
			fail_msg("%s worked, and still says: %s", #call, err.msg); \
	} while (0)
/* With a text for people. */
#define FAILS(want, call)                                                     \
	do {                                                                  \
		struct err err = {0};                                         \
		enum rc rc_ = (call);                                         \
		if (rc_ != (want) || err.rc != (want) || !err.msg[0])         \
			fail_msg("%s: %s: %s", #call, rc_name(rc_), err.msg); \
	} while (0)

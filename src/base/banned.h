/* Included before every file of ours: functions that cannot be used safely do not compile. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets atoi atol atof strtok \
	gmtime localtime asctime mktemp tmpnam
/* Foreign headers use these two names for other things, so they fail only where they are called. */
#undef alloca
#define alloca(size) alloca_is_banned(size)
#define ctime(time)  ctime_is_banned(time)

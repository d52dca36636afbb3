#include "shared/latency.h"

#include <math.h>
#include <time.h>
#include <unistd.h>

/* Inverse of the normal distribution (Acklam's rational approximation, relative error < 1.2e-9). */
static double normal_quantile(double u)
{
	static const double a[] = { -3.969683028665376e+01, 2.209460984245205e+02,
				    -2.759285104469687e+02, 1.383577518672690e+02,
				    -3.066479806614716e+01, 2.506628277459239e+00 };
	static const double b[] = { -5.447609879822406e+01, 1.615858368580409e+02,
				    -1.556989798598866e+02, 6.680131188771972e+01,
				    -1.328068155288572e+01 };
	static const double c[] = { -7.784894002430293e-03, -3.223964580411365e-01,
				    -2.400758277161838e+00, -2.549732539343734e+00,
				    4.374664141464968e+00,  2.938163982698783e+00 };
	static const double d[] = { 7.784695709041462e-03, 3.224671290700398e-01,
				    2.445134137142996e+00, 3.754408661907416e+00 };

	if (u > 0.02425 && u < 1 - 0.02425) {
		double q = u - 0.5, r = q * q;
		return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
		       (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
	}
	double q = sqrt(-2 * log(u < 0.5 ? u : 1 - u));
	double z = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
		   ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
	return u < 0.5 ? z : -z;
}

unsigned latency_us(const struct behaviour *b, double u)
{
	const double z99 = 2.3263478740408408;
	double sigma = log((double)LATENCY_P99_US / LATENCY_MEDIAN_US) / z99;
	double us = LATENCY_MEDIAN_US * exp(sigma * normal_quantile(u));

	if (b->slow_percent > 0 && u > 1 - b->slow_percent / 100)
		us *= b->slow_factor;
	return us < LATENCY_MAX_US ? (unsigned)us : LATENCY_MAX_US;
}

double latency_random(void)
{
	static _Thread_local uint64_t state;

	if (!state) {
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		state = (uint64_t)t.tv_nsec ^ (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)&state;
	}
	/* splitmix64 */
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return ((double)(z >> 12) + 0.5) / 4503599627370496.0;
}

bool latency_request(const struct behaviour *b)
{
	unsigned us = latency_us(b, latency_random());
	struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	return b->error_percent <= 0 || latency_random() * 100 >= b->error_percent;
}

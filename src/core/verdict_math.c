/*
 * log and exp from the four operations alone. glibc selects FMA variants by CPU, whose last bits
 * differ; a verdict must be replayable on another machine bit for bit.
 */
#include <string.h>

#include "verdict_impl.h"

#define LN2_HI 6.93147180369123816490e-01 /* 33 bits: k x LN2_HI is exact */
#define LN2_LO 1.90821492927058770002e-10

static double from_bits(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* x = m 2^k with m in sqrt(1/2) .. sqrt(2), s = (m-1)/(m+1): log m = 2 (s + s^3/3 + s^5/5 ...) */
double verdict_log(double x)
{
	uint64_t bits;
	int k = 0;

	if (x < 2.2250738585072014e-308) { /* subnormal: no exponent to read */
		x *= 18014398509481984.0;  /* 2^54 */
		k = -54;
	}
	memcpy(&bits, &x, sizeof(bits));
	k += (int)(bits >> 52) - 1023;
	double m = from_bits((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
	if (m > 1.4142135623730951) {
		m *= 0.5;
		k++;
	}
	double s = (m - 1.0) / (m + 1.0), z = s * s, sum = 1.0 / 21.0;
	static const double odd[] = {1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11,
				     1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};
	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		sum = sum * z + odd[i];
	return k * LN2_HI + (2.0 * s + (2.0 * s * z * sum + k * LN2_LO));
}

/* x = k ln 2 + r, |r| <= ln 2 / 2, then Taylor: the 14th term is below 2^-57. */
double verdict_exp(double x)
{
	if (x > 700.0)
		x = 700.0;
	if (x < -700.0)
		return 0.0;
	int k = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
	double r = (x - k * LN2_HI) - k * LN2_LO, sum = 1.0;
	static const double inverse[] = {1.0 / 14, 1.0 / 13, 1.0 / 12, 1.0 / 11, 1.0 / 10,
					 1.0 / 9,  1.0 / 8,  1.0 / 7,  1.0 / 6,  1.0 / 5,
					 1.0 / 4,  1.0 / 3,  1.0 / 2,  1.0};
	for (unsigned i = 0; i < sizeof(inverse) / sizeof(inverse[0]); i++)
		sum = 1.0 + r * inverse[i] * sum;
	return sum * from_bits((uint64_t)(k + 1023) << 52);
}

double verdict_log_mean_exp(const double *x, double scale)
{
	double top = x[0] * scale, sum = 0.0;

	for (unsigned j = 1; j < BETS; j++)
		if (x[j] * scale > top)
			top = x[j] * scale;
	for (unsigned j = 0; j < BETS; j++)
		sum += verdict_exp(x[j] * scale - top);
	return top + verdict_log(sum / BETS);
}

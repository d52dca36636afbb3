# shellcheck shell=bash
# What the pages are shown with: two services that go all the way, behind an approval, and a library whose jobs write all that a run can show.
# Sourced by run.sh, after tests/e2e/lib.sh.
web_project() {
	shop rolling
	sed -i 's/^services:/libraries:\n  lab: {path: lab}\n&/; s/^ci:/&\n  budget: 10m/; s/^production:/  approve: {count: 1}\n&/' "$tree/penstock.yml"
	sed -i 's/^staging:/  colors: {each: lab, steps: [{name: fetch, run: sh print.sh colors}, {name: compile, run: "sleep 1; sh print.sh gcc"}, {name: measure, run: cp cover.info out.info}], reports: {coverage: out.info, problems: gcc}}\n  units: {each: lab, needs: [colors], run: sh print.sh units, reports: {junit: out.xml}}\n  long: {each: lab, run: sh print.sh long}\n  by-hand: {each: lab, manual: true, run: echo by hand}\n&/' "$tree/penstock.yml"
	sed -i 's/each: "\*", run: "true", outputs/each: services, run: "true", outputs/; s/test: {each: "\*"/test: {each: services/' "$tree/penstock.yml"
	mkdir -p "$tree/lab"
	printf 'SF:lab/print.sh\nDA:1,1\nDA:2,1\nDA:3,1\nDA:4,0\nLF:4\nLH:3\nend_of_record\n' >"$tree/lab/cover.info"
	echo good >"$tree/lab/mood"
	cat >"$tree/lab/print.sh" <<-'S'
		case $1 in
		colors)
			i=0
			while [ $i -lt 8 ]; do printf '\033[3%dmcolor %d\033[0m \033[1mbold\033[0m \033[4munderlined\033[0m plain\n' $i $i; i=$((i + 1)); done
			printf 'Receiving objects:  10%%\rReceiving objects:  50%%\rReceiving objects: 100%%, done\n'
			;;
		gcc)
			echo 'lab/print.c: In function main:'
			echo 'lab/print.c:12:7: warning: unused variable count [-Wunused-variable]'
			;;
		long) awk 'BEGIN { for (i = 1; i <= 200000; i++) printf "%06d packed \033[32mok\033[0m entry-%d of the archive\n", i, i * 7919 % 104729 }' ;;
		units)
			if [ "$(cat mood)" = good ]; then bad=; else bad='<failure message="wanted 3 cents, got 4">rounding.c:18: assert_int_equal(cents(2.5), 3)</failure>'; fi
			{
				printf '<testsuite>'
				printf '<testcase classname="lab.rounding" name="half_up" file="lab/rounding.c" time="0.012">%s</testcase>' "$bad"
				i=0
				while [ $i -lt 30 ]; do printf '<testcase classname="lab.table" name="row_%d" time="0.00%d"/>' $i $((i % 9)); i=$((i + 1)); done
				printf '<testcase classname="lab.net" name="far_away" time="0"><skipped message="no network here"/></testcase></testsuite>'
			} >out.xml
			[ -z "$bad" ]
			;;
		esac
	S
}

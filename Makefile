# streaming: continuous queries for PostgreSQL
#
# make [STREAMING_DEBUG=1] [STREAMING_WERROR=1]
#   STREAMING_DEBUG   debug points, mutations and the mocked clock, and asserts
#   STREAMING_WERROR  warnings are errors

EXTENSION = streaming
MODULE_big = streaming
PGFILEDESC = "streaming - continuous queries"
DATA = sql/streaming--1.0.sql sql/streaming--0.9--1.0.sql

# The table of contents, lowest layer first; folders are layers, too.
OBJS = \
	src/base/compat.o \
	src/base/debug.o \
	src/base/savepoint.o \
	src/base/locate.o \
	src/base/refuse.o \
	src/base/area.o \
	src/base/crashes.o \
	src/base/shmem.o \
	src/base/figures.o \
	src/base/courtesy.o \
	src/base/options.o \
	src/base/catalog.o \
	src/base/owner.o \
	src/base/privilege.o \
	src/stream/readset.o \
	src/stream/position.o \
	src/stream/space.o \
	src/stream/am.o \
	src/stream/verify.o \
	src/time/declare.o \
	src/time/watermark.o \
	src/time/window.o \
	src/time/timeexpr.o \
	src/state/aggstate.o \
	src/state/keyorder.o \
	src/state/keysort.o \
	src/state/ranking.o \
	src/state/rowimage.o \
	src/state/statetable.o \
	src/state/misses.o \
	src/state/store.o \
	src/query/analyze.o \
	src/query/sight.o \
	src/query/trust.o \
	src/query/groupings.o \
	src/query/nesting.o \
	src/query/serving.o \
	src/query/semijoin.o \
	src/query/chains.o \
	src/query/bounds.o \
	src/query/calls.o \
	src/query/closing.o \
	src/query/traces.o \
	src/query/pairs.o \
	src/query/eventtime.o \
	src/query/windowkeys.o \
	src/query/windowstarts.o \
	src/query/topn.o \
	src/query/averages.o \
	src/query/cut.o \
	src/query/transform.o \
	src/query/keeping.o \
	src/query/reading.o \
	src/query/outerjoins.o \
	src/query/firsts.o \
	src/query/joinfeeds.o \
	src/query/joining.o \
	src/query/uniting.o \
	src/query/lookups.o \
	src/query/pasting.o \
	src/query/merging.o \
	src/query/changes.o \
	src/query/tree.o \
	src/flow/strangers.o \
	src/flow/relations.o \
	src/flow/dump.o \
	src/flow/restore.o \
	src/flow/parallel.o \
	src/flow/scan.o \
	src/flow/netting.o \
	src/flow/panes.o \
	src/flow/sessions.o \
	src/flow/reaper.o \
	src/flow/triggers.o \
	src/flow/results.o \
	src/flow/changes.o \
	src/flow/rows.o \
	src/flow/toprows.o \
	src/flow/moving.o \
	src/flow/operator.o \
	src/flow/above.o \
	src/flow/delta.o \
	src/flow/executor.o \
	src/flow/dataflow.o \
	src/flow/poison.o \
	src/flow/batch.o \
	src/flow/viewgroup.o \
	src/flow/successor.o \
	src/flow/difference.o \
	src/flow/bundle.o \
	src/flow/retention.o \
	src/flow/lifetime.o \
	src/process/roster.o \
	src/process/history.o \
	src/process/failure.o \
	src/process/bisect.o \
	src/process/agenda.o \
	src/process/pace.o \
	src/process/memory.o \
	src/process/worker.o \
	src/process/lanes.o \
	src/process/scheduler.o \
	src/process/launcher.o \
	src/process/wait.o \
	src/process/synchronous.o \
	src/command/view.o \
	src/command/index.o \
	src/command/guard.o \
	src/command/release.o \
	src/command/reset.o \
	src/command/retry.o \
	src/command/internal.o \
	src/command/monitor.o \
	src/command/progress.o \
	src/command/windows.o \
	src/command/explain.o \
	src/command/statement.o \
	src/command/rewrite.o \
	src/command/verbs.o \
	src/command/replace.o \
	src/command/trigger.o \
	src/command/databases.o \
	src/command/update.o \
	src/command/utility.o \
	src/command/module.o

# sql/test_sinceNN_... is for PostgreSQL NN and later.
NEWER = $(foreach n,16 17 18,$(if $(shell [ $(MAJORVERSION) -lt $(n) ] && \
	echo newer),sql/test_since$(n)_%))
REGRESS = $(basename $(notdir $(sort $(filter-out $(NEWER), \
	$(wildcard sql/test_*.sql)))))
REGRESS_OPTS = --inputdir=. --load-extension=streaming
ISOLATION = $(basename $(notdir $(sort \
	$(wildcard test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=streaming

PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
ifdef STREAMING_WERROR
PG_CFLAGS += -Werror
endif
ifdef STREAMING_DEBUG
PG_CFLAGS += -DSTREAMING_DEBUG -DUSE_ASSERT_CHECKING
endif

# No LLVM bitcode: nothing here gains from being inlined into queries.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard $(srcdir)/src/*/*.h)

.PHONY: demo test check-layers
demo:
	test/demo.sh
test:
	test/run.sh
check-layers:
	test/check_layers.sh

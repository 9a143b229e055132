# streaming: continuous queries for PostgreSQL
#
# make [STREAMING_DEBUG=1] [STREAMING_WERROR=1]
#   STREAMING_DEBUG   debug points, mutations and the mocked clock, and asserts
#   STREAMING_WERROR  warnings are errors

EXTENSION = streaming
MODULE_big = streaming
PGFILEDESC = "streaming - continuous queries"
DATA = sql/streaming--1.0.sql sql/streaming--0.9--1.0.sql

# The table of contents, lowest layer first.
OBJS = \
	src/compat.o \
	src/debug.o \
	src/locate.o \
	src/refuse.o \
	src/area.o \
	src/shmem.o \
	src/roster.o \
	src/options.o \
	src/catalog.o \
	src/owner.o \
	src/privilege.o \
	src/readset.o \
	src/position.o \
	src/space.o \
	src/am.o \
	src/verify.o \
	src/declare.o \
	src/watermark.o \
	src/scan.o \
	src/window.o \
	src/aggstate.o \
	src/statetable.o \
	src/store.o \
	src/analyze.o \
	src/sight.o \
	src/trust.o \
	src/timeexpr.o \
	src/eventtime.o \
	src/panes.o \
	src/sessions.o \
	src/reaper.o \
	src/cut.o \
	src/reading.o \
	src/relations.o \
	src/operator.o \
	src/delta.o \
	src/batch.o \
	src/failure.o \
	src/agenda.o \
	src/worker.o \
	src/lanes.o \
	src/scheduler.o \
	src/launcher.o \
	src/wait.o \
	src/view.o \
	src/guard.o \
	src/release.o \
	src/internal.o \
	src/monitor.o \
	src/statement.o \
	src/databases.o \
	src/update.o \
	src/utility.o \
	src/module.o

# sql/test_sinceNN_... is for PostgreSQL NN and later.
NEWER = $(foreach n,16 17 18,$(if $(shell [ $(MAJORVERSION) -lt $(n) ] && \
	echo newer),sql/test_since$(n)_%))
REGRESS = $(basename $(notdir $(sort $(filter-out $(NEWER), \
	$(wildcard sql/test_*.sql)))))
REGRESS_OPTS = --inputdir=. --load-extension=streaming
ISOLATION = $(basename $(notdir $(sort \
	$(wildcard test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=streaming

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

.PHONY: demo test check-layers
demo:
	test/demo.sh
test:
	test/run.sh
check-layers:
	test/check_layers.sh

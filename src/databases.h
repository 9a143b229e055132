/*-------------------------------------------------------------------------
 *
 * databases.h
 *	  Statements about databases, the extension and prepared transactions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STREAMING_DATABASES_H
#define STREAMING_DATABASES_H

#include "statement.h"

/* Passes a statement on that needs the database (if valid) without our processes. */
extern void stream_databases_without_us(StreamStatement *s, Oid dboid);

/* Handlers, each for one kind of statement. */
extern void stream_databases_transaction(StreamStatement *s);
extern void stream_databases_drop_database(StreamStatement *s);
extern void stream_databases_create_database(StreamStatement *s);
extern void stream_databases_alter_database(StreamStatement *s);
extern void stream_databases_create_extension(StreamStatement *s);

#endif

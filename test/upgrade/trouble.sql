-- A view that fails.
INSERT INTO shop.plain VALUES (0, 1);
DO $$ BEGIN
	PERFORM streaming.wait('shop.failing');
EXCEPTION WHEN OTHERS THEN NULL; END $$;

"""answer: the business questions, one SQL file each, their charts and the page of a day. Reads the lake, writes only pages."""

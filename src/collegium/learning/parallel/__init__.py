"""Local work spread over processes, to the same bits as in one."""

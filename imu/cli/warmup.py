def warm_up_once(): pass

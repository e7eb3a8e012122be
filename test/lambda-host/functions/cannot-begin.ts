throw new TypeError('cannot begin');
